"""Results"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of stored results."""
    op.create_table(
        "leases",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_leases"),
        sa.UniqueConstraint("digest", name="uq_leases_digest"),
    )
    op.create_index("ix_leases_ends_at", "leases", ["ends_at"])
    op.create_table(
        "results",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("cache_key", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("filename", sa.Text),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("mime", sa.Text, nullable=False),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("width", sa.BigInteger, nullable=False),
        sa.Column("height", sa.BigInteger, nullable=False),
        sa.Column("frames", sa.BigInteger, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("original_size", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_results"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_results_account_id"),
    )
    op.create_index("ix_results_account_id", "results", ["account_id", "cache_key"])
    op.create_index("ix_results_key", "results", ["key"])
    op.create_index("ix_results_expires_at", "results", ["expires_at"])


def downgrade() -> None:
    """Drop them; what is stored is left to whoever runs the store."""
    op.drop_table("results")
    op.drop_table("leases")
