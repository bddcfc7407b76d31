"""What people read: tables, figures and the page of a study, made of tables (and small arrays handed in)."""
