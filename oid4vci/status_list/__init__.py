"""The status of Credentials: Token Status List for every format, Bitstring Status List for those of W3C."""

from oid4vci.revocation import StatusReference
from oid4vci.status_list.aggregation import read_aggregation
from oid4vci.status_list.bitstring import BITSTRING_CREDENTIAL_TYPES, BitstringStatusList, BitstringStatusListEntry
from oid4vci.status_list.bitstring_checker import BitstringStatus, BitstringStatusChecker
from oid4vci.status_list.checker import Status, StatusChecker
from oid4vci.status_list.endpoint import StatusListOrder, StatusLists
from oid4vci.status_list.indices import AllocatedIndices, IndexDraw, StatusListFull, StatusListIndices
from oid4vci.status_list.published import PublishedStatusList
from oid4vci.status_list.signing import StatusListDraft, StatusListSigner
from oid4vci.status_list.status_list import APPLICATION_SPECIFIC, StatusList, StatusType
from oid4vci.status_list.stored import StoredStatusList
from oid4vci.status_list.token import CWT, JWT, StatusListToken

__all__ = (
    "APPLICATION_SPECIFIC",
    "BITSTRING_CREDENTIAL_TYPES",
    "CWT",
    "JWT",
    "AllocatedIndices",
    "BitstringStatus",
    "BitstringStatusChecker",
    "BitstringStatusList",
    "BitstringStatusListEntry",
    "IndexDraw",
    "PublishedStatusList",
    "Status",
    "StatusChecker",
    "StatusList",
    "StatusListDraft",
    "StatusListFull",
    "StatusListIndices",
    "StatusListOrder",
    "StatusListSigner",
    "StatusListToken",
    "StatusLists",
    "StatusReference",
    "StatusType",
    "StoredStatusList",
    "read_aggregation",
)
