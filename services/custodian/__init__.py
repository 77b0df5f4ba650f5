"""密钥保管: keeps the keys of tickets, releases them to whoever is entitled, destroys them on request."""
