"""What builds the documentation, beside its pages: so that tests can import it."""
