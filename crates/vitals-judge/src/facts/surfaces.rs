//! What is known of each server's tools beside their names. It is found out when the tools change, or what
//! they are compared with, and then only read.

use std::collections::BTreeSet;

use vitals_model::drift::{Sign, ToolDrift};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{LockFile, ToolSet};

use super::Facts;
use crate::surface::tokens::{self, TokenCourse};
use crate::surface::{self, signs};
use crate::truth;

/// The tools of one server, against what they were, and what they hold.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Digests of all that the rest was found out from: the tools, what they are compared with, and the tools
    /// of all servers.
    of: (u64, Option<u64>, u64),
    /// How many tools there are.
    pub tools: u64,
    /// How they differ from what they were; `None` when they are seen for the first time.
    pub drift: Option<Vec<ToolDrift>>,
    /// Whether they are compared with what was approved, and not with what was last seen.
    pub is_pinned: bool,
    /// Signs of orders to a model.
    pub signs: Vec<Sign>,
    /// Signs in definitions that were approved.
    pub approved_signs: usize,
    /// What they cost in tokens.
    pub tokens: TokenCourse,
}

impl Facts {
    /// Takes in what was found of the lock file. One that cannot be read leaves what it last held in force.
    pub(crate) fn take_lock(&mut self, lock: LockFile, at: Timestamp) {
        match &lock {
            LockFile::Absent => self.pins = None,
            LockFile::Read { pins, .. } => self.pins = Some(pins.clone()),
            LockFile::Damaged { .. } => {}
        }
        self.lock = Some((at, lock));
    }

    /// Brings what is known of the tools up to what was last seen of them. A server without a tool keeps what
    /// was known: that it lost them is told elsewhere.
    pub(crate) fn follow_surfaces(&mut self, servers: &[Text], at: Timestamp) {
        let now: Vec<_> = servers.iter().filter_map(|name| Some((name, truth::server_tools(self, name)?))).collect();
        let now: Vec<_> = now.into_iter().filter(|(_, tools)| !tools.is_empty()).collect();
        let is_known = |(name, tools): &(&Text, ToolSet)| {
            let (base, is_pinned) = self.base(name);
            let known = self.surfaces.get(name)?;
            (known.of.0 == tools.digest() && known.of.1 == base.map(ToolSet::digest) && known.is_pinned == is_pinned)
                .then_some(known.of.2)
        };
        let all = now.iter().fold(0, |sum: u64, (_, tools)| sum.wrapping_add(tools.digest()));
        if now.len() == self.surfaces.len() && now.iter().all(|one| is_known(one) == Some(all)) {
            return;
        }
        let names = now.iter().flat_map(|(_, tools)| tools.iter().map(|(tool, _)| tool.as_str())).collect();
        for (name, tools) in &now {
            self.follow_surface(name, tools, all, &names, at);
        }
        self.surfaces.retain(|name| servers.contains(name));
    }

    /// What the tools of a server are compared with, and whether that was approved.
    fn base(&self, name: &Text) -> (Option<&ToolSet>, bool) {
        let pinned = self.pins.as_ref().and_then(|pins| pins.servers.get(name));
        (pinned.or_else(|| self.tools_before.get(name)), pinned.is_some())
    }

    fn follow_surface(&mut self, name: &Text, tools: &ToolSet, all: u64, names: &BTreeSet<&str>, at: Timestamp) {
        let (base, is_pinned) = self.base(name);
        let of = (tools.digest(), base.map(ToolSet::digest), all);
        if self.surfaces.get(name).is_some_and(|known| known.of == of && known.is_pinned == is_pinned) {
            return;
        }
        let drift = base.map(|base| surface::compare(base, tools));
        let (signs, approved_signs) = signs::unapproved(tools, base.filter(|_| is_pinned), names);
        let mut course = self.surfaces.take(name).map_or_else(|| self.tokens_before(name, at), |known| known.tokens);
        if let Some(tokens) = tokens::estimate(tools) {
            course.take(at, tokens);
        }
        let tools = tools.len() as u64;
        let surface = Surface { of, tools, drift, is_pinned, signs, approved_signs, tokens: course };
        self.surfaces.put(name, surface);
    }

    /// What the tools of a server cost before they were first seen: what they usually did, else as last seen,
    /// else nothing for a server that came after the others.
    fn tokens_before(&self, name: &Text, at: Timestamp) -> TokenCourse {
        let first = self.courses.values().map(|course| course.first_seen).min();
        let is_new = || self.courses.get(name).is_some_and(|course| Some(course.first_seen) > first);
        let known = self.usual_tokens.get(name).copied();
        let known = known.or_else(|| self.tools_before.get(name).and_then(tokens::estimate)).or_else(|| is_new().then_some(0));
        let mut course = TokenCourse::default();
        if let Some(tokens) = known {
            course.take(at, tokens);
        }
        course
    }
}
