"""Run the migrations with Alembic, on the connection that `lemur_core.store.upgrade` opened."""

from alembic import context

from lemur_core.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
)
context.run_migrations()
