//! One schema per service, each with its own migrations table.

use std::borrow::Cow;

use sqlx::{PgPool, migrate::Migrator};

/// Makes `schema` and brings its tables up to date.
pub async fn migrate(
    pool: &PgPool,
    schema: &'static str,
    migrator: &'static Migrator,
) -> Result<(), sqlx::migrate::MigrateError> {
    let mut migrator = Migrator { migrations: Cow::Borrowed(&migrator.migrations), ..Migrator::DEFAULT };
    migrator.create_schema(schema);
    migrator.dangerous_set_table_name(format!("{schema}._sqlx_migrations"));
    migrator.run(pool).await
}
