//! One session's side of the endpoint: its list, its calls, the meta-tool. Requests of the stateless
//! revision have a visitor each, and no session: they see what a new session sees.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, InitializeRequestParams,
    InitializeResult, ListToolsResult, PaginatedRequestParams, RequestMetaObject, ResultType, ServerConfig, ServerNotification,
    SubscriptionFilter, Tool,
};
use rmcp::service::{Peer, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use vitals_probe::mcp::META_TOOL;

use super::levels::{self, SetLevel};
use super::members::{Member, Number, SESSIONS_MAX};
use super::shared::Shared;
use crate::fault::HubFault;
use crate::hub::filter::Category;
use crate::hub::journal::{Level, Record};
use crate::persona::Persona;

/// Largest prompt, and largest context, in bytes.
const PROMPT_BYTES_MAX: usize = 16 << 10;

/// Notifications of one call that wait for its client; more are left out.
const NOTES_MAX: usize = 64;

/// Keys of `_meta` that are between a client and this hub, not for the servers behind it.
const OWN_KEYS: &str = "io.modelcontextprotocol/";

/// Longest name of a client in the log, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Serves one session, or one request of the stateless revision.
pub(super) struct Visitor {
    shared: Arc<Shared>,
    ticket: OnceLock<Ticket>,
}

/// A place among the members, given back when the session ends.
struct Ticket {
    shared: Arc<Shared>,
    number: Number,
    client: String,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.leave(self.number);
        let message = format!("'{}' client disconnected from MCP HUB", self.client);
        self.shared.journal.write(Record::new(Level::Info, message));
    }
}

impl Visitor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, ticket: OnceLock::new() }
    }

    /// What the client calls itself, when it has.
    pub(super) fn client(&self) -> Option<&str> {
        Some(&self.ticket.get()?.client)
    }

    fn member(&self) -> Option<Member> {
        self.shared.members.get(self.ticket.get()?.number)
    }

    /// What the list is made from.
    fn asked(&self) -> BTreeSet<Category> {
        self.shared.asked(self.member().map(|member| member.asked).unwrap_or_default())
    }

    fn signature(&self) -> u64 {
        let asked = self.asked();
        self.shared.catalogue().0.signature(&self.shared.sight(&asked))
    }

    fn join(&self, peer: Peer<RoleServer>, client: &str) -> Result<(), ErrorData> {
        if self.ticket.get().is_some() {
            return Ok(());
        }
        let member = Member { peer, asked: BTreeSet::new(), told: self.signature(), severity: 0 };
        let Some(number) = self.shared.members.join(member) else {
            return Err(ErrorData::internal_error(format!("there are {SESSIONS_MAX} sessions already"), None));
        };
        let client: String = client.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        self.shared.journal.write(Record::new(Level::Info, format!("'{client}' client connected to MCP HUB")));
        // Taken at most once: `initialize` is a session's first message.
        drop(self.ticket.set(Ticket { shared: Arc::clone(&self.shared), number, client }));
        Ok(())
    }

    /// The meta-tool: the session is given what its prompt asks for, and is told so in any case.
    async fn analyze(&self, arguments: &Value, peer: &Peer<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let Some(analyst) = &self.shared.analyst else { return Err(unknown_tool(META_TOOL)) };
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        let (prompt, context) = (text("prompt").trim(), text("context").trim());
        if prompt.is_empty() || prompt.len() > PROMPT_BYTES_MAX || context.len() > PROMPT_BYTES_MAX {
            let why = format!("prompt must be a text of 1 to {PROMPT_BYTES_MAX} bytes, and context no longer");
            return Ok(CallToolResult::error(vec![ContentBlock::text(why)]));
        }
        let analysis = analyst.analyze(prompt, context).await;
        if let Some(ticket) = self.ticket.get() {
            self.shared.members.change(ticket.number, |member| member.asked.extend(&analysis.categories));
            let told = self.signature();
            self.shared.members.change(ticket.number, |member| member.told = told);
        }
        if !self.shared.does(HubFault::ListChangedMute) {
            // A client without an open stream finds it there when it opens one.
            drop(peer.notify_tool_list_changed().await);
        }
        self.shared.stir();
        let asked = self.asked();
        let count = self.shared.catalogue().0.count(&self.shared.sight(&asked));
        let (message, next) = if self.ticket.get().is_some() {
            (format!("{count} tools are available in this session"), "List the tools again, then call the one that fits")
        } else {
            ("without a session the tools stay as they are".to_owned(), "Connect with a revision that has sessions")
        };
        let names: Vec<_> = analysis.categories.iter().map(|category| category.as_str()).collect();
        let mut answer = json!({
            "categories": names,
            "confidence": analysis.confidence,
            "reasoning": analysis.reasoning,
            "message": message,
            "nextStep": next,
        });
        if self.shared.does(HubFault::MetaToolShape)
            && let Some(fields) = answer.as_object_mut()
        {
            fields.retain(|name, _| !["categories", "confidence"].contains(&name.as_str()));
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(answer.to_string())]))
    }

    /// Calls a server's tool, and passes on meanwhile what it says. The call is dropped with its request.
    async fn pass_on(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let (notes, mut said) = mpsc::channel(NOTES_MAX);
        let call = self.shared.backend.call_noted(request, notes);
        tokio::pin!(call);
        let least = || self.member().map(|member| member.severity).or_else(|| levels::asked_by_request(&context.meta));
        loop {
            tokio::select! {
                biased;
                () = context.ct.cancelled() => return Err(cancelled()),
                Some(note) = said.recv() => tell(note, least(), &context.peer).await,
                result = &mut call => {
                    while let Ok(note) = said.try_recv() {
                        tell(note, least(), &context.peer).await;
                    }
                    return result.map(completed);
                }
            }
        }
    }
}

/// Passes a note on: progress always, log messages from the severity `least`, nothing else.
async fn tell(note: ServerNotification, least: Option<u8>, peer: &Peer<RoleServer>) {
    let wanted = match &note {
        ServerNotification::ProgressNotification(_) => true,
        note => levels::severity(note).zip(least).is_some_and(|(severity, least)| severity >= least),
    };
    if wanted {
        // A client that is gone is found out by the answer.
        drop(peer.send_notification(note).await);
    }
}

/// Servers of the earlier revisions do not say that a result is complete, and the latest one asks for it. The
/// library takes it out again for clients of the earlier ones.
fn completed(mut result: CallToolResult) -> CallToolResult {
    result.result_type.get_or_insert(ResultType::COMPLETE);
    result
}

/// The end of a request that its client has given up; no one reads it.
fn cancelled() -> ErrorData {
    ErrorData::internal_error("the request was cancelled", None)
}

fn unknown_tool(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Unknown tool: {name}"), None)
}

/// What is for the server of a request's `_meta`.
fn passed_meta(meta: &RequestMetaObject) -> Option<RequestMetaObject> {
    let mut meta = meta.clone();
    meta.0.0.retain(|key, _| !key.starts_with(OWN_KEYS));
    (!meta.0.0.is_empty()).then_some(meta)
}

impl ServerHandler for Visitor {
    fn get_info(&self) -> ServerConfig {
        let server = match self.shared.persona {
            Persona::Honest => Implementation::new("vitals-lab", env!("CARGO_PKG_VERSION")),
            Persona::Npm421 => Implementation::new("mcp-hub", "4.2.1"),
        };
        let info = ServerConfig::new(levels::capabilities()).with_server_info(server);
        if self.shared.analyst.is_some() {
            return info.with_instructions(format!("Call {META_TOOL} with the user's request to be given the tools for it."));
        }
        info
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let answer = self.negotiate_initialize(&request)?;
        self.join(context.peer.clone(), &request.client_info.name)?;
        context.peer.set_peer_info(request);
        Ok(answer)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if self.shared.does(HubFault::ToolsListError) {
            return Err(ErrorData::internal_error("tools/list failed", None));
        }
        let asked = self.asked();
        let cursor = request.and_then(|request| request.cursor);
        let page = self.shared.catalogue().0.page(&self.shared.sight(&asked), cursor.as_deref());
        let (tools, next) = page.ok_or_else(|| ErrorData::invalid_params("unknown cursor", None))?;
        let mut list = ListToolsResult::with_all_items(tools);
        list.next_cursor = next;
        Ok(list)
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == META_TOOL && self.shared.has_meta_tool() {
            let arguments = Value::Object(request.arguments.unwrap_or_default());
            return tokio::select! {
                () = context.ct.cancelled() => Err(cancelled()),
                answer = self.analyze(&arguments, &context.peer) => answer.map(CallToolResponse::from),
            };
        }
        let asked = self.asked();
        if !self.shared.catalogue().0.sees(&request.name, &self.shared.sight(&asked)) {
            return Err(unknown_tool(&request.name));
        }
        request.meta = passed_meta(&context.meta);
        self.pass_on(request, &context).await.map(CallToolResponse::from)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.catalogue().0.tool(name).cloned()
    }

    async fn set_level(&self, request: SetLevel, _context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if let Some(ticket) = self.ticket.get() {
            self.shared.members.change(ticket.number, |member| member.severity = levels::asked(&request));
        }
        Ok(())
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    /// Without a session: the list of a new one is what can change.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut looks = self.shared.looks();
        let mut told = self.signature();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = looks.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = self.signature();
                    let mute = self.shared.does(HubFault::ListChangedMute);
                    if std::mem::replace(&mut told, now) != now && !mute && context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
