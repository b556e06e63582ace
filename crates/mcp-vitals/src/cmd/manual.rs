//! `completions` and `man`: made from the same table as the help.

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;
use crate::render;

pub(crate) fn completions(args: CompletionsArgs) -> anyhow::Result<Exit> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mcp-vitals", &mut out);
    render::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir)?;
        clap_mangen::generate_to(Cli::command(), dir)?;
        return Ok(Exit::Ok);
    }
    let mut out = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut out)?;
    render::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}
