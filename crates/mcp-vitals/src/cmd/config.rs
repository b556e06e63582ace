//! `config`: make, check and show the configuration.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use vitals_model::config;
use vitals_model::text::count;

use crate::cli::{Common, ConfigAction, ConfigArgs};
use crate::exit::Exit;
use crate::{render, wiring};

pub(crate) fn run(common: &Common, args: &ConfigArgs) -> anyhow::Result<Exit> {
    match &args.action {
        ConfigAction::Init { path } => init(path.clone())?,
        ConfigAction::Check => {
            let settings = wiring::settings(common)?;
            let n = count(settings.targets.len() as u64, "target");
            render::print(&format!(
                "the configuration is sound: {n} named, discovery {}\n",
                if settings.discover { "on" } else { "off" }
            ))?;
        }
        ConfigAction::Show => render::print(&config::show(&wiring::settings(common)?))?,
        ConfigAction::Schema => render::print(&config::schema())?,
    }
    Ok(Exit::Ok)
}

fn init(path: Option<PathBuf>) -> anyhow::Result<()> {
    let path = path.or_else(wiring::default_config).context("no folder for it: HOME is not set; name a path")?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let made = std::fs::File::options().write(true).create_new(true).open(&path);
    match made.and_then(|mut file| std::io::Write::write_all(&mut file, config::example().as_bytes())) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} is there already, left as it is", path.display())
        }
        made => made.with_context(|| format!("cannot write {}", path.display()))?,
    }
    render::print(&format!("wrote {}\n", path.display()))
}
