"""The first tables, and triggers by which the log is append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0001"
down_revision = None

REFUSED = "the log is append-only"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created", sa.String(26), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "access_keys",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created", sa.String(26), nullable=False),
        sa.Column("expires", sa.String(26), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_access_keys"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_keys_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id"])
    op.create_index("ix_access_keys_expires", "access_keys", ["expires"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.String(32)),
        sa.Column("worker", sa.String(80)),
        sa.Column("lease", sa.String(26)),
        sa.Column("n_files", sa.Integer, nullable=False),
        sa.Column("n_bytes", sa.BigInteger, nullable=False),
        sa.Column("keep", sa.Boolean, nullable=False),
        sa.Column("images_until", sa.String(26)),
        sa.Column("created", sa.String(26), nullable=False),
        sa.Column("started", sa.String(26)),
        sa.Column("finished", sa.String(26)),
        sa.Column("reason", sa.Text),
        sa.Column("probability", sa.Double),
        sa.Column("answer", sa.Text().with_variant(MEDIUMTEXT, "mysql", "mariadb")),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_jobs_user_id"),
    )
    op.create_index("ix_jobs_queue", "jobs", ["state", "created"])
    op.create_index("ix_jobs_history", "jobs", ["user_id", "created"])
    op.create_index("ix_jobs_clock", "jobs", ["images_until"])
    op.create_table(
        "log",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.String(26), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("address", sa.String(45)),
        sa.Column("job_id", sa.String(32)),
        sa.Column("model", sa.String(200)),
        sa.Column("detail", sa.String(200)),
        sa.Column("answer_digest", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_log"),
    )
    op.create_index("ix_log_actor", "log", ["actor", "id"])
    op.create_index("ix_log_attempts", "log", ["action", "at"])
    op.create_index("ix_log_job_id", "log", ["job_id"])
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in ("log", "jobs", "access_keys", "users"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION log_is_append_only")


def _guards(dialect: str) -> list[str]:
    """Return the statements by which a database refuses to change a row of the log."""
    changes = ("UPDATE", "DELETE")
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER log_no_{change.lower()} BEFORE {change} ON log BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
            for change in changes
        ]
    if dialect == "postgresql":
        return [
            "CREATE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
            "CREATE TRIGGER log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log "
            "FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()",
        ]
    return [
        f"CREATE TRIGGER log_no_{change.lower()} BEFORE {change} ON log FOR EACH ROW "
        f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{REFUSED}'"
        for change in changes
    ]
