"""Credits"""  # noqa: D400 - Alembic shows it as a title

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of balances, of deductions, and of every change of a balance."""
    op.create_table(
        "credit_balances",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("monthly", sa.BigInteger, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("signed_up", sa.Boolean, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_credit_balances"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_credit_balances_account_id"
        ),
        sa.CheckConstraint(
            "monthly >= 0 AND monthly <= balance", name="ck_credit_balances_balance"
        ),
    )
    op.create_table(
        "credit_deductions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("image_count", sa.BigInteger, nullable=False),
        sa.Column("used_for", sa.Text),
        sa.Column("kept", sa.BigInteger, nullable=False),
        sa.Column("monthly", sa.BigInteger, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credit_deductions"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_credit_deductions_account_id"
        ),
        sa.CheckConstraint("kept >= 0 AND monthly >= 0", name="ck_credit_deductions_left"),
    )
    op.create_table(
        "credit_entries",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("monthly", sa.BigInteger, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("deduction_id", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("once", sa.Text),
        sa.PrimaryKeyConstraint("account_id", "number", name="pk_credit_entries"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_credit_entries_account_id"
        ),
        sa.ForeignKeyConstraint(
            ["deduction_id"], ["credit_deductions.id"], name="fk_credit_entries_deduction_id"
        ),
        sa.UniqueConstraint("once", name="uq_credit_entries_once"),
    )
    op.create_index("ix_credit_entries_deduction_id", "credit_entries", ["deduction_id"])


def downgrade() -> None:
    """Forget what everybody has."""
    op.drop_table("credit_entries")
    op.drop_table("credit_deductions")
    op.drop_table("credit_balances")
