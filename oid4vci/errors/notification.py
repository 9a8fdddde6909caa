"""Refusals of a Notification Request (OID4VCI 11.3)."""

from oid4vci.errors.refusal import Refusal

__all__ = ("InvalidNotificationId", "InvalidNotificationRequest")


class InvalidNotificationRequest(Refusal):
    """A parameter is missing, repeated or has an unsupported value, or the request is otherwise malformed."""

    error, section = "invalid_notification_request", "OID4VCI 11.3"


class InvalidNotificationId(Refusal):
    """The `notification_id` is not, or no longer, valid for the Access Token."""

    error, section = "invalid_notification_id", "OID4VCI 11.3"
