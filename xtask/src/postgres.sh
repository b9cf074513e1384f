# Makes a throw-away PostgreSQL server, says where it is, and ends it when standard input ends: whatever becomes of the process
# that wanted it, nothing is left.  Run as somebody who is not root: sh -c THIS sh BIN PORT FSYNC
set -eu
bin=$1 port=$2 fsync=$3
umask 077
dir=$(mktemp -d /tmp/provost-postgres.XXXXXX)
end() {
    "$bin/pg_ctl" stop -D "$dir/data" -m immediate >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM HUP
cd "$dir"
head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > password
# A collation that is not bytewise, so that whatever leans on the database's own is found.
"$bin/initdb" -D data -U provost --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile=password --no-sync > log 2>&1 || { cat log >&2; exit 1; }
cat >> data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
fsync = $fsync
full_page_writes = $fsync
shared_buffers = '128MB'
max_connections = 200
CONF
start() {
    "$bin/pg_ctl" start -w -t 120 -D data -l log < /dev/null > /dev/null 2>&1 || { cat log >&2; exit 1; }
}
start
echo "$dir"
# Whoever wanted it may have it crash and start again, a word a line; each is answered when it is done.
while read -r word; do
    case $word in
    crash) "$bin/pg_ctl" stop -D data -m immediate > /dev/null 2>&1 ;;
    start) start ;;
    esac
    echo "$word"
done
