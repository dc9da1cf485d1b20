//! What a run leaves behind: JSON for machines, a table and a plot for people, and
//! a line on the terminal while it runs. Nothing here measures anything.

pub mod json;
pub mod markdown;
pub mod plot;
pub mod progress;
mod svg;
pub(crate) mod text;
mod views;

pub use views::{View, plot_of};
