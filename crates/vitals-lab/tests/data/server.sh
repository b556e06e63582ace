# A server in shell, for tests: `pid` tells its process, `quit` ends it. With an argument it never answers
# `initialize`.
reply() {
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"
}
while read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
    case "$line" in
    *'"method":"initialize"'*)
        [ -n "$1" ] && continue
        reply '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"shell","version":"1"}}'
        ;;
    *'"method":"tools/list"'*'"cursor":"more"'*)
        reply '{"tools":[{"name":"quit","inputSchema":{"type":"object"}}]}'
        ;;
    *'"method":"tools/list"'*)
        reply '{"tools":[{"name":"pid","description":"Its process.","inputSchema":{"type":"object"}}],"nextCursor":"more"}'
        ;;
    *'"name":"pid"'*)
        reply '{"content":[{"type":"text","text":"'$$'"}]}'
        ;;
    *'"name":"quit"'*)
        exit 0
        ;;
    esac
done
