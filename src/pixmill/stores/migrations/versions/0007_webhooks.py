"""Webhooks"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of deliveries, of attempts to make them, and of disabled URLs."""
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("queued", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("content_type", sa.Text),
        sa.Column("headers", sa.JSON),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("next_attempt_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_deliveries_account_id"),
    )
    op.create_index("ix_deliveries_account_id", "deliveries", ["account_id", "created_at"])
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"])
    op.create_index("ix_deliveries_next_attempt_at", "deliveries", ["next_attempt_at"])
    op.create_index("ix_deliveries_finished_at", "deliveries", ["finished_at"])
    op.create_table(
        "attempts",
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("status", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_attempts_delivery_id"),
    )
    op.create_table(
        "endpoints",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("disabled_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name="pk_endpoints"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_endpoints_account_id"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("endpoints")
    op.drop_table("attempts")
    op.drop_table("deliveries")
