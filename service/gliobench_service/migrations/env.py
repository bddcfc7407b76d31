"""Alembic's entry: runs migrations on the database that `gliobench_service.database.migrate` names."""

from alembic import context

from gliobench_service.database import engine_of
from gliobench_service.tables import Base

with engine_of(context.config.attributes["url"]).execution_options(writes=True).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
