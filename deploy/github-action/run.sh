#!/usr/bin/env bash
# One check for a job: JUnit into a file, markdown into the job's summary, the exit code as an output.
set -uo pipefail

arguments=(check --format junit --no-history)
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || arguments+=(--summary)
[ -z "${MCP_VITALS_CONFIG_FILE:-}" ] || arguments+=(--config "$MCP_VITALS_CONFIG_FILE")
[ -z "${MCP_VITALS_EXPECTED_FAILURES:-}" ] || arguments+=(--expected-failures "$MCP_VITALS_EXPECTED_FAILURES")
while IFS= read -r target; do
  [ -z "$target" ] || arguments+=(--target "$target")
done <<< "${MCP_VITALS_TARGETS:-}"

case "${MCP_VITALS_FAIL_ON:-warning}" in
  warning) allowed=0 ;;
  critical) allowed=1 ;;
  *) echo "::error::fail-on must be warning or critical, not ${MCP_VITALS_FAIL_ON}"; exit 3 ;;
esac

"${MCP_VITALS_BINARY:-mcp-vitals}" "${arguments[@]}" > "${MCP_VITALS_JUNIT:-mcp-vitals.xml}"
code=$?
[ -z "${GITHUB_OUTPUT:-}" ] || echo "exit-code=$code" >> "$GITHUB_OUTPUT"
case "$code" in
  0) ;;
  1) echo "::warning::mcp-vitals: degraded" ;;
  2) echo "::error::mcp-vitals: failing, or an expected failure that is none" ;;
  *) echo "::error::mcp-vitals: could not tell" ;;
esac
[ "$code" -le "$allowed" ] || exit "$code"
