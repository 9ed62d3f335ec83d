"""The only room with SQL: engine, tables, queries by subject, migrations, the embedded server."""
