"""Idempotency keys"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of keys with which requests can be repeated."""
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_idempotency_keys"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_idempotency_keys_account_id"
        ),
    )
    op.create_index("ix_idempotency_keys_ends_at", "idempotency_keys", ["ends_at"])


def downgrade() -> None:
    """Drop it: a request that is repeated is done again."""
    op.drop_table("idempotency_keys")
