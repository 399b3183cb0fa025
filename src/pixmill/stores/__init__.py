"""What is kept: rows of the database, and the queries for them."""
