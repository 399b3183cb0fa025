"""Retries of jobs, sizes of batches, and pictures that were approved"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember what was tried again, what batches have saved, and what somebody has approved."""
    op.add_column("jobs", sa.Column("retry_id", sa.Text))
    single = sa.text("batch_id IS NULL")
    op.create_index(
        "ix_jobs_single",
        "jobs",
        ["account_id", "created_at"],
        sqlite_where=single,
        postgresql_where=single,
    )
    for name in ("bytes_in", "bytes_out"):
        column = sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        op.add_column("batches", column)
    approved = sa.Column("approved", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("pictures", approved)


def downgrade() -> None:
    """Forget it."""
    op.drop_column("pictures", "approved")
    op.drop_column("batches", "bytes_out")
    op.drop_column("batches", "bytes_in")
    op.drop_index("ix_jobs_single", "jobs")
    op.drop_column("jobs", "retry_id")
