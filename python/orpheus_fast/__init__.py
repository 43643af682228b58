"""Makes a music collection searchable by sound."""
