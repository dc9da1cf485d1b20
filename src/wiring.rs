//! Store → media runtime → service → HTTP, and nothing else.

use crate::config::Config;
use crate::{data_dir, shutdown};

pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    data_dir::create(&config.data_dir)?;
    let _secret = data_dir::secret(&config.data_dir)?;
    let stop = shutdown::on_signal()?;
    stop.cancelled().await;
    Ok(())
}

pub(crate) async fn migrate(config: Config) -> anyhow::Result<()> {
    data_dir::create(&config.data_dir)
}
