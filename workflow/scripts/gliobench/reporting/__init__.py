"""What people read of a study: tables, sentences and pages, made of tables and figures."""
