#!/usr/bin/env bash
# PostgreSQL 15 (Debian).
# Expected: `COPY table FROM file` with one column of type jsonb or text takes a file of JSON lines, one value a line.
# Seen: the text format of COPY has escapes of its own, with the same backslash. What JSON writes as `C:\\new` arrives as
# `C:\new`, which is valid JSON too and means a line feed: the value is another, without an error. An escaped quotation
# mark or line feed is an error at least; `csv` with an impossible quote and delimiter keeps every byte.
source "$(dirname "$0")/common.bash"

needs_root
debian postgresql-15=15.
needs runuser
server=/usr/lib/postgresql/15/bin
chmod 711 "$scratch"
mkdir cluster
chown postgres cluster
cd cluster
as_postgres() { runuser -u postgres -- "$@"; }
as_postgres "$server/initdb" -D data -A trust > /dev/null
cleanup+=("runuser -u postgres -- $server/pg_ctl -D $scratch/cluster/data -m immediate stop")
as_postgres "$server/pg_ctl" -D data -o "-c listen_addresses='' -c unix_socket_directories=$PWD" -w -l log start > /dev/null
printf '%s\n' '{"path":"C:\\new"}' > lines.jsonl
chmod 644 lines.jsonl
as_postgres psql -h "$PWD" -U postgres -v ON_ERROR_STOP=1 -X -q -At > "$scratch/seen" << END
create table as_text (line jsonb);
copy as_text from '$PWD/lines.jsonl';
select 'text: ' || line::text from as_text;
create table as_csv (line jsonb);
copy as_csv from '$PWD/lines.jsonl' with (format csv, quote e'\x01', delimiter e'\x02');
select 'csv: ' || line::text from as_csv;
select 'equal: ' || (as_text.line = as_csv.line) || ', the wrong one has a line feed: ' || (as_text.line ->> 'path' like e'%\n%') from as_text, as_csv;
END
cd ..
expect <<'END'
text: {"path": "C:\new"}
csv: {"path": "C:\\new"}
equal: false, the wrong one has a line feed: true
END
