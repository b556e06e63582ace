//! What a server answers: its tools and calls to them, and what goes wrong with both.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult, ErrorData, Implementation,
    InitializeRequestParams, InitializeResult, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vitals_probe::clock::Stopwatch;

use super::ServerError;
use super::faults::{FaultSet, over};
use super::life::Pace;
use super::toolbox::{Problem, Toolbox, drift, logging, schema};
use crate::fault::ServerFault;
use crate::part::ServerPart;

/// Calls whose time is remembered, of each tool: what "usual" is measured by.
const USUAL_CALLS_MAX: usize = 16;

/// Slow calls take this many times their usual time.
const SLOW_FACTOR: u32 = 10;

/// No slow call takes longer than this, however long the tool usually takes: half of the time after which
/// a hub gives a call up.
const SLOW_CALL_MAX: Duration = Duration::from_secs(30);

/// One server's answers.
pub(super) struct Server {
    toolbox: Toolbox,
    faults: watch::Receiver<FaultSet>,
    /// The input has ended: nothing is waited for any more.
    ended: CancellationToken,
    /// Somebody was let in: the start is over.
    admitted: AtomicBool,
    /// A session is open that was opened with `initialize`.
    open: AtomicBool,
    usual: Mutex<HashMap<String, VecDeque<Duration>>>,
    pace: Pace,
}

impl Server {
    /// The server for this part.
    ///
    /// # Errors
    /// A folder that cannot be used.
    pub(super) fn new(
        part: &ServerPart,
        faults: watch::Receiver<FaultSet>,
        ended: CancellationToken,
        pace: Pace,
    ) -> Result<Self, ServerError> {
        Ok(Self {
            toolbox: Toolbox::new(part)?,
            faults,
            ended,
            admitted: AtomicBool::new(false),
            open: AtomicBool::new(false),
            usual: Mutex::default(),
            pace,
        })
    }

    /// Whether a client has opened a session with `initialize`.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Whether the input has ended.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Word of each change of the tools from now on.
    pub(super) fn tool_changes(&self, faults: watch::Receiver<FaultSet>) -> ToolChanges<'_> {
        ToolChanges { server: self, last: self.tools(), faults, own: self.toolbox.changes() }
    }

    fn has(&self, fault: ServerFault) -> bool {
        self.faults.borrow().contains(&fault)
    }

    fn tools(&self) -> Vec<Tool> {
        if self.has(ServerFault::ToolsEmptied) {
            return Vec::new();
        }
        let mut tools = self.toolbox.tools();
        if self.has(ServerFault::SchemaDrift) {
            drift::schemas(&mut tools);
        }
        if self.has(ServerFault::DescriptionInjected) {
            drift::description(&mut tools);
        }
        tools
    }

    /// Lets a client in once the start is over, however that client opens its session.
    async fn admit(&self) -> Result<(), ErrorData> {
        if self.admitted.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut faults = self.faults.clone();
        let started = async {
            over(&mut faults, ServerFault::NeverInitialises).await;
            let _slow = tokio::time::timeout(self.pace.start, over(&mut faults, ServerFault::SlowStart)).await;
        };
        tokio::select! {
            biased;
            () = started => {}
            () = self.ended.cancelled() => return Err(ErrorData::internal_error("the input has ended", None)),
        }
        self.admitted.store(true, Ordering::Release);
        Ok(())
    }

    /// Remembers how long a call took, and gives the time of the middle one of the last.
    fn usual(&self, tool: &str, time: Duration) -> Duration {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let times = usual.entry(tool.to_owned()).or_default();
        times.push_back(time);
        if times.len() > USUAL_CALLS_MAX {
            times.pop_front();
        }
        let mut sorted: Vec<_> = times.iter().copied().collect();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    async fn call(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tools = self.tools();
        let Some(tool) = tools.iter().find(|tool| tool.name == request.name) else {
            return Err(ErrorData::invalid_params(format!("tool {} not found", request.name), None));
        };
        let clock = Stopwatch::start();
        let arguments = request.arguments.clone().unwrap_or_default();
        let result = match schema::check(&tool.input_schema, &arguments) {
            Err(why) => Err(Problem::OfTool(format!("input validation error: {why}"))),
            Ok(()) => self.toolbox.call(&tool.name, &arguments, context).await,
        };
        let natural = clock.elapsed();
        let usual = self.usual(&tool.name, natural);
        if self.has(ServerFault::SlowCalls) {
            let wanted = (usual * SLOW_FACTOR).clamp(self.pace.call_min, SLOW_CALL_MAX.max(self.pace.call_min));
            let _input_ended = tokio::time::timeout(wanted.saturating_sub(natural), self.ended.cancelled()).await;
        }
        if self.has(ServerFault::EmptyAnswers) {
            return Ok(CallToolResult::success(Vec::new()));
        }
        match result {
            Ok(result) => Ok(result),
            Err(Problem::OfTool(why)) => Ok(CallToolResult::error(vec![ContentBlock::text(why)])),
            Err(Problem::OfProtocol(error)) => Err(error),
        }
    }
}

/// Word of each change of a server's tools.
pub(super) struct ToolChanges<'a> {
    server: &'a Server,
    faults: watch::Receiver<FaultSet>,
    own: Option<watch::Receiver<bool>>,
    last: Vec<Tool>,
}

impl ToolChanges<'_> {
    /// Waits for the next change; false when there can be none any more.
    pub(super) async fn next(&mut self) -> bool {
        loop {
            let own = async {
                match &mut self.own {
                    Some(own) => own.changed().await,
                    None => std::future::pending().await,
                }
            };
            let woken = tokio::select! {
                woken = self.faults.changed() => woken,
                woken = own => woken,
            };
            if woken.is_err() {
                return false;
            }
            let tools = self.server.tools();
            if tools != self.last {
                self.last = tools;
                return true;
            }
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = match self.toolbox.logging() {
            Some(_) => logging::capabilities(),
            None => ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build(),
        };
        let identity = Implementation::new(self.toolbox.name(), env!("CARGO_PKG_VERSION"));
        InitializeResult::new(capabilities).with_server_info(identity)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.admit().await?;
        self.negotiate_initialize(&request)
    }

    async fn on_initialized(&self, _context: NotificationContext<RoleServer>) {
        self.open.store(true, Ordering::Release);
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.admit().await?;
        Ok(DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), self.get_info()))
    }

    async fn set_level(&self, request: logging::SetLevel, _context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let wanted = self.toolbox.logging().ok_or_else(|| ErrorData::invalid_request("this server does not log", None))?;
        wanted.set(&request);
        Ok(())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.admit().await?;
        if request.is_some_and(|page| page.cursor.is_some()) {
            return Err(ErrorData::invalid_params("there is one page only", None));
        }
        Ok(ListToolsResult::with_all_items(self.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.admit().await?;
        Ok(self.call(&request, &context).await?.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.tool_changes(self.faults.clone());
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                more = changes.next() => {
                    if !more || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
