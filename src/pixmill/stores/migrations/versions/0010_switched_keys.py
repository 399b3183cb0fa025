"""Keys that are switched off"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let keys be switched off for a while."""
    op.add_column("keys", sa.Column("disabled_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Forget which keys are switched off: they work again."""
    op.drop_column("keys", "disabled_at")
