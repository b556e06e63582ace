//! The one module that speaks MCP, by the official SDK: it turns the surface into messages, on any pair of streams and
//! over Streamable HTTP. It knows nothing of health.
//!
//! There are no sessions over HTTP: no answer depends on an earlier one, so there is nothing to keep for a client and
//! nothing that one who is gone leaves behind.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, Implementation, InitializeRequestParams, InitializeResult, JsonObject, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, Prompt, PromptArgument,
    PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate, Role, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer, serve_directly};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use super::sift::{Sifted, sift};
use super::surface::{self, NoResource, PROMPT, PROMPT_ARGUMENT, RESOURCES, TARGET_TEMPLATE, TOOLS};
use crate::source::Facts;

/// Largest message from a client, in bytes. A longer body is refused with 413, a longer line with an error.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Names of this machine, under which pages and clients on it reach us.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// `/mcp` over Streamable HTTP, in every revision, to be merged into a server.
///
/// A request whose `Host` or `Origin` is neither of this machine nor one of `names` (host names without a port) is
/// answered with 403, so that no page elsewhere reaches it by a name that it binds to this machine. Without `names` any
/// name will do: then the layers around must want a token. Who else may ask is their business anyhow.
pub fn router(source: Arc<dyn Facts>, names: Option<&[String]>) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MESSAGE_BYTES_MAX);
    let config = match names {
        None => config.disable_allowed_hosts(),
        Some(names) => {
            let hosts: Vec<_> = LOOPBACK.iter().map(ToString::to_string).chain(names.iter().cloned()).collect();
            let origin = |host: &String| {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                [format!("http://{host}:*"), format!("https://{host}:*")]
            };
            config.with_allowed_origins(hosts.iter().flat_map(origin)).with_allowed_hosts(hosts)
        }
    };
    let visitor = move || Ok(Visitor { source: Arc::clone(&source) });
    let service = StreamableHttpService::new(visitor, Arc::new(NeverSessionManager::default()), config);
    Router::new().route(
        "/mcp",
        any(move |request: Request| {
            let service = service.clone();
            async move { service.handle(request).await.map(Body::new) }
        }),
    )
}

/// Serves one client on a pair of streams, a message a line, until its input ends.
///
/// Nothing that a client sends ends it earlier: a line that is no message is answered with an error. A client need not
/// open a session before it asks.
pub async fn serve(
    source: Arc<dyn Facts>,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) {
    let (transport, feed) = Sifted::new(output);
    let running = serve_directly(Visitor { source }, transport, None);
    let sifting = async {
        sift(input, feed).await;
        // What was asked before the input ended is still answered.
        std::future::pending::<()>().await;
    };
    // However it ended: the client is gone.
    tokio::select! {
        ended = running.waiting() => drop(ended),
        () = sifting => {}
    }
}

/// One client, or one request of it.
struct Visitor {
    source: Arc<dyn Facts>,
}

fn object(value: Value) -> Arc<JsonObject> {
    Arc::new(if let Value::Object(object) = value { object } else { JsonObject::new() })
}

fn tool(tool: &surface::Tool) -> Tool {
    Tool::new(tool.name, tool.description, object(tool.input()))
        .with_raw_output_schema(object((tool.output)()))
        .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}

/// Everything is on one page.
fn only_page(request: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|page| page.cursor.as_ref()) {
        Some(_) => Err(ErrorData::invalid_params("there is one page only", None)),
        None => Ok(()),
    }
}

impl ServerHandler for Visitor {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        let identity = Implementation::new("mcp-vitals", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(identity).with_instructions(surface::INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let answer = self.negotiate_initialize(&request)?;
        request.protocol_version = answer.protocol_version.clone();
        context.peer.set_peer_info(request);
        Ok(answer)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        only_page(request.as_ref())?;
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = TOOLS.iter().find(|tool| tool.name == request.name) else {
            return Err(ErrorData::invalid_params("unknown tool", None));
        };
        let answer = surface::call(&self.source, tool, &request.arguments.unwrap_or_default()).await;
        let result = match answer {
            Ok(answer) => {
                let mut result = CallToolResult::structured(answer.data);
                result.content = vec![ContentBlock::text(answer.text)];
                result
            }
            Err(why) => CallToolResult::error(vec![ContentBlock::text(why)]),
        };
        Ok(result.into())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        TOOLS.iter().find(|tool| tool.name == name).map(tool)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        only_page(request.as_ref())?;
        let resource =
            |of: &surface::Resource| Resource::new(of.uri, of.name).with_description(of.description).with_mime_type(of.mime);
        Ok(ListResourcesResult::with_all_items(RESOURCES.iter().map(resource).collect()))
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        only_page(request.as_ref())?;
        let of = &TARGET_TEMPLATE;
        let template = ResourceTemplate::new(of.uri, of.name).with_description(of.description).with_mime_type(of.mime);
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match surface::read(&self.source, &request.uri).await {
            Ok((text, mime)) => {
                Ok(ReadResourceResult::new(vec![ResourceContents::text(text, request.uri).with_mime_type(mime)]).into())
            }
            Err(NoResource::Unknown) => {
                Err(ErrorData::resource_not_found("resource not found", Some(serde_json::json!({"uri": request.uri}))))
            }
            Err(NoResource::NotNow(why)) => Err(ErrorData::internal_error(why, None)),
        }
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        only_page(request.as_ref())?;
        let argument = PromptArgument::new(PROMPT_ARGUMENT.0).with_description(PROMPT_ARGUMENT.1).with_required(false);
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new(PROMPT.0, Some(PROMPT.1), Some(vec![argument]))]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != PROMPT.0 {
            return Err(ErrorData::invalid_params("unknown prompt", None));
        }
        let target = request.arguments.as_ref().and_then(|sent| sent.get(PROMPT_ARGUMENT.0)).and_then(Value::as_str);
        match surface::diagnose(&self.source, target).await {
            Ok(text) => {
                Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).with_description(PROMPT.1).into())
            }
            Err(why) => Err(ErrorData::invalid_params(why, None)),
        }
    }
}
