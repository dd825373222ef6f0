"""What all benches stand on: processes, the bench's own node, waits, runners, findings."""
