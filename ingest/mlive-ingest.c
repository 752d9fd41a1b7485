/*
 * mlive-ingest - find and clean the packets of a transport stream.
 *
 * Reads any bytes on stdin and writes whole packets on stdout, each as soon as
 * it is known to be one.  See mlive-ingest(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/media/ts.h"

struct ingest {
	bool		drop_null;

	struct ts_sync	demux;
	uint64_t	written;	/* packets */
	size_t		len;		/* bytes waiting in in[] */
	uint8_t		in[512 * TS_PACKET];
	uint8_t		out[512 * TS_PACKET];
};

static const char help[] =
    "usage: mlive-ingest [-nqv] <input >output.ts\n"
    "  -n, --drop-null          drop null packets\n"
    OPT_COMMON_HELP;

static const struct option longopts[] = {
	{ "drop-null", no_argument, NULL, 'n' },
	OPT_COMMON_LONG,
};

static void
parse_options(struct ingest *s, int argc, char *argv[])
{
	int c;

	while ((c = getopt_long(argc, argv, "n" OPT_COMMON, longopts, NULL)) != -1)
		switch (c) {
		case 'n':
			s->drop_null = true;
			break;
		default:
			opt_common(c, help);
		}
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
}

/* Write the packets that in[] holds; keep the bytes that are not one yet. */
static void
write_packets(struct ingest *s)
{
	size_t pos = 0, fill = 0, used;
	struct ts_packet pkt;
	int r;

	while ((r = ts_sync_next(&s->demux, s->in + pos, s->len - pos, &used,
	    &pkt)) != 0) {
		pos += used;
		if (r < 0 || (s->drop_null && pkt.pid == TS_PID_NULL))
			continue;
		memcpy(s->out + fill, pkt.data, TS_PACKET);
		fill += TS_PACKET;
		s->written++;
	}
	pos += used;
	if ((r = io_write(STDOUT_FILENO, s->out, fill)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write to standard output");
	s->len -= pos;
	memmove(s->in, s->in + pos, s->len);
}

int
main(int argc, char *argv[])
{
	static struct ingest s;		/* zeroed, and too big for the stack */
	const struct ts_sync *d = &s.demux;

	log_init("mlive-ingest");
	parse_options(&s, argc, argv);
	io_init_filter();
	io_refuse_terminal(STDIN_FILENO, "standard input");
	io_refuse_terminal(STDOUT_FILENO, "standard output");
	ts_sync_init(&s.demux);

	while (!d->eof) {
		ssize_t n = io_read(STDIN_FILENO, s.in + s.len, sizeof(s.in) - s.len);

		if (n > 0)
			s.len += (size_t)n;
		else if (n == 0 || n == -EINTR)
			s.demux.eof = true;
		else
			fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
		write_packets(&s);
		log_status("%" PRIu64 " packets, %" PRIu64 " lost", d->packets, d->lost);
	}
	log_info("packets=%" PRIu64 " written=%" PRIu64 " lost=%" PRIu64 " bad=%" PRIu64
	    " sync_losses=%" PRIu64 " junk_bytes=%" PRIu64, d->packets, s.written,
	    d->lost, d->bad, d->sync_losses, d->junk_bytes);
	if (d->packets == 0)
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	return EXIT_SUCCESS;
}
