"""Traffic, and keys of accounts themselves"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Count by day, key and API; tell the keys that nobody has made, and those deleted."""
    op.add_column("keys", sa.Column("kind", sa.Text, nullable=False, server_default="api"))
    op.execute("UPDATE keys SET kind = 'website' WHERE id LIKE 'web%'")  # after a downgrade
    op.add_column("keys", sa.Column("deleted_at", _MOMENT))
    op.create_table(
        "traffic",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("api", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("cached", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.BigInteger, nullable=False),
        sa.Column("bytes_in", sa.BigInteger, nullable=False),
        sa.Column("bytes_out", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_id", "api", "day", name="pk_traffic"),
    )
    op.create_index("ix_traffic_account_id_day", "traffic", ["account_id", "day"])
    op.create_index("ix_traffic_day", "traffic", ["day"])


def downgrade() -> None:
    """Forget it. Deleted keys are revoked too, and of the others nobody has the secret."""
    op.drop_table("traffic")
    op.drop_column("keys", "deleted_at")
    op.drop_column("keys", "kind")
