"""Jobs"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of batches, chunks and jobs, and of the secret that servers share."""
    op.create_table(
        "batches",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("webhook_url", sa.Text),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("committed", sa.Boolean, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("touched_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT),
        sa.Column("completed_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_batches_account_id"),
        sa.UniqueConstraint("account_id", "name", name="uq_batches_account_id_name"),
    )
    op.create_index("ix_batches_account_id_created_at", "batches", ["account_id", "created_at"])
    op.create_index("ix_batches_completed_at", "batches", ["completed_at", "touched_at"])
    op.create_table(
        "chunks",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("batch_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("webhook_url", sa.Text),
        sa.Column("free_repeats", sa.Boolean, nullable=False),
        sa.Column("max_file_size", sa.BigInteger, nullable=False),
        sa.Column("turns", sa.BigInteger, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_chunks"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_chunks_account_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_chunks_batch_id"),
    )
    op.create_index("ix_chunks_account_id_finished_at", "chunks", ["account_id", "finished_at"])
    op.create_index("ix_chunks_batch_id_finished_at", "chunks", ["batch_id", "finished_at"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("chunk_id", sa.Text, nullable=False),
        sa.Column("batch_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("filename", sa.Text),
        sa.Column("source_key", sa.Text),
        sa.Column("source_url", sa.Text),
        sa.Column("source_size", sa.BigInteger),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("committed", sa.Boolean, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("turns", sa.BigInteger, nullable=False),
        sa.Column("outcomes", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("finish", sa.BigInteger),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_jobs_account_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_jobs_batch_id"),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunks.id"], name="fk_jobs_chunk_id"),
    )
    op.create_index("ix_jobs_batch_id_finish", "jobs", ["batch_id", "finish"])
    op.create_index("ix_jobs_batch_id_number", "jobs", ["batch_id", "number"])
    op.create_index("ix_jobs_chunk_id", "jobs", ["chunk_id"])
    op.create_index("ix_jobs_state_expires_at", "jobs", ["state", "expires_at"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )
    op.drop_index("ix_reservations_subject", "reservations")
    op.create_index("ix_reservations_subject_expires_at", "reservations", ["subject", "expires_at"])


def downgrade() -> None:
    """Drop them; uploads that wait are left to whoever runs the store."""
    op.drop_index("ix_reservations_subject_expires_at", "reservations")
    op.create_index("ix_reservations_subject", "reservations", ["subject"])
    for table in ("secrets", "jobs", "chunks", "batches"):
        op.drop_table(table)
