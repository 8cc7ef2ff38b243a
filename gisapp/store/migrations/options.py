"""Names of what is handed to Alembic beside its own options."""

APP_ROLE_ATTRIBUTE = "app_role"
