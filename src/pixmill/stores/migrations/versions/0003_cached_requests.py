"""Cached requests"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count what was answered with earlier work."""
    op.add_column("usage", sa.Column("cached", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("usage", "cached")
