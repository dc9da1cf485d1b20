//! The `convoke` binary: configuration, wiring and process life. What a call is
//! and how packets flow is in `convoke-signaling` and `convoke-media`.

mod cli;
mod config;
mod data_dir;
mod identity;
mod pages;
mod shutdown;
mod telemetry;

mod wiring;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::{Cli, Subcommand};
use crate::config::Config;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Before anything is served there may be no log yet, so stderr it is.
            eprintln!("convoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // The load tester has none: what is configured here is not the server's it loads.
    let config = || Config::load(cli.config.as_deref(), &cli.flags.settings());
    match cli.command.unwrap_or(Subcommand::Serve) {
        Subcommand::Serve => {
            let config = config()?;
            telemetry::start(&config.log)?;
            runtime()?.block_on(wiring::serve(config))
        }
        Subcommand::Migrate => {
            let config = config()?;
            telemetry::start(&config.log)?;
            runtime()?.block_on(wiring::migrate(config))
        }
        Subcommand::CheckConfig => cli::print(&config()?.to_toml()?),
        Subcommand::Token(request) => cli::print(&identity::issue_token(&config()?, &request)?),
        Subcommand::Bench(args) => convoke_bench::command::bench(&args),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
}
