"""Whatever is restarted, recycled, killed gracefully or upgraded, no client notices."""
