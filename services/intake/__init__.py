"""受理: files tickets from another system's export."""
