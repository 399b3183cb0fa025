"""What Alembic runs: every migration in the transaction that `pixmill.stores.schema` has opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite cannot change a column: the table is made anew and the rows copied.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
