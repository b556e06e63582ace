//! placeholder
/// x
pub fn run(_: &[String], _: &mut impl std::io::Write) -> anyhow::Result<bool> {
    Ok(true)
}
