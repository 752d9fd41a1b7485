/*
 * screen.c - mconnect-probe at a terminal: drawn anew in place, by plain ANSI sequences,
 * at 80 columns and 24 lines or more.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "transport/probe.h"

#define LINES_MAX	200
#define WIDTH_MAX	250
#define RATE		40

#define RED	"\033[31m"
#define BOLD	"\033[1m"
#define PLAIN	"\033[0m"

struct page {
	int	 width, height, n;
	char	 line[LINES_MAX][2 * WIDTH_MAX];
};

/* The alternate screen, without cursor; and as it was. */
void
screen_begin(void)
{
	static const char text[] = "\033[?1049h\033[?25l\033[H\033[J";

	io_write(STDOUT_FILENO, text, sizeof(text) - 1);
	atexit(screen_end);
}

void
screen_end(void)
{
	static bool done;
	static const char text[] = "\033[0m\033[?25h\033[?1049l";

	if (!done)
		io_write(STDOUT_FILENO, text, sizeof(text) - 1);
	done = true;
}

static void PRINTFLIKE(2, 3)
add(struct page *g, const char *fmt, ...)
{
	va_list ap;

	if (g->n == LINES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(g->line[g->n++], sizeof(g->line[0]), fmt, ap);
	va_end(ap);
}

/* A line with no more columns than there are; control sequences take none. */
static size_t
cut(const char *s, int width, char *out, size_t size)
{
	size_t n = 0;
	int column = 0;

	for (; *s != '\0' && n + 8 < size; s++) {
		if (*s == '\033') {
			while (*s != '\0' && *s != 'm')
				out[n++] = *s++;
			out[n++] = 'm';
			if (*s == '\0')
				break;
			continue;
		}
		if ((*s & 0xc0) != 0x80 && ++column > width)
			break;
		out[n++] = *s;
	}
	return n;
}

static void
flush(struct page *g)
{
	static char out[LINES_MAX * 2 * WIDTH_MAX];
	size_t n = 0;

	n += (size_t)snprintf(out, sizeof(out), "\033[H");
	for (int i = 0; i < g->n && i < g->height; i++) {
		n += cut(g->line[i], g->width, out + n, sizeof(out) - n);
		n += (size_t)snprintf(out + n, sizeof(out) - n, PLAIN "\033[K%s",
		    i + 1 < g->height ? "\r\n" : "");
	}
	if (g->n < g->height)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "\033[J");
	io_write(STDOUT_FILENO, out, n);
}

static void
rate(char out[static RATE], uint64_t bps)
{
	if (bps >= 1000000)
		snprintf(out, RATE, "%" PRIu64 ".%03" PRIu64 " Mb/s", bps / 1000000,
		    bps / 1000 % 1000);
	else
		snprintf(out, RATE, "%" PRIu64 ".%" PRIu64 " kb/s", bps / 1000,
		    bps / 100 % 10);
}

static void
head(struct page *g, const struct probe *p)
{
	const struct health *h = p->health;
	int64_t s = (h->now_ns - h->first_ns) / CLK_SECOND;
	char text[RATE];

	add(g, BOLD "%-54.54s" PLAIN "%8" PRId64 ":%02" PRId64 ":%02" PRId64 "  %s",
	    p->in.name != NULL ? p->in.name : "standard input", s / 3600, s / 60 % 60,
	    s % 60, !p->connected ? RED "no data" PLAIN :
	    h->locked ? "in sync" : RED "no sync" PLAIN);
	rate(text, h->rate_bps);
	add(g, "%s, %" PRIu64 " packets of %zu, null %" PRIu64 ".%" PRIu64 " %%%s%s%s", text,
	    h->packets, h->stride, h->packets == 0 ? 0 : h->null_packets * 100 / h->packets,
	    h->packets == 0 ? 0 : h->null_packets * 1000 / h->packets % 10,
	    *h->network != '\0' ? ", network '" : "", h->network,
	    *h->network != '\0' ? "'" : "");
	if (p->in.iat.n > 0)
		add(g, "arrival p50 %" PRIu64 " p99 %" PRIu64 " max %" PRIu64 " us%s",
		    hist_permille(&p->in.iat, 500) / 1000,
		    hist_permille(&p->in.iat, 990) / 1000, p->in.iat.max / 1000,
		    p->disconnections > 0 ? RED ", was interrupted" PLAIN : "");
	if (p->in.udp != NULL && p->in.udp->rtp > 0)
		add(g, "RTP %" PRIu64 ", lost %s%" PRIu64 PLAIN ", out of order %" PRIu64
		    ", twice %" PRIu64 ", late %" PRIu64 ", kernel drops %" PRIu64,
		    p->in.udp->rtp, p->in.udp->order.lost > 0 ? RED : "",
		    p->in.udp->order.lost, p->in.udp->order.reordered,
		    p->in.udp->order.duplicates, p->in.udp->order.late,
		    p->in.udp->in.kernel_drops);
}

static void
faults(struct page *g, const struct health *h)
{
	static const char *const word[HEALTH_RULES] = {
		"sync", "byte", "PAT", "continuity", "PMT", "PID", "transport", "CRC",
		"PCR", "jump", "accuracy", "PTS", "CAT", "NIT", "unreferenced", "SDT", "EIT",
		"RST", "TDT",
	};

	for (unsigned priority = 1; priority <= 3; priority++) {
		char line[2 * WIDTH_MAX];
		size_t n = (size_t)snprintf(line, sizeof(line), "%u ", priority);

		for (int i = 0; i < HEALTH_RULES; i++)
			if (health_rule_info((enum health_rule)i)->priority == priority)
				n += (size_t)snprintf(line + n, sizeof(line) - n,
				    " %s %s%" PRIu64 PLAIN, word[i],
				    h->count[i] > 0 ? RED BOLD : "", h->count[i]);
		add(g, "%s", line);
	}
}

static void
one_pid(struct page *g, const struct probe *p, const struct health_pid *q)
{
	const struct health *h = p->health;
	const struct health_clock *k = q->clock;
	char text[RATE], more[96] = "", what[32];
	const struct watch_stream *s = NULL;

	rate(text, p->last && h->packets > 0 ? (uint64_t)((unsigned __int128)
	    h->mean_rate_bps * q->packets / h->packets) : q->rate_bps);
	snprintf(what, sizeof(what), "%s", q->stream_type != 0 ? codec_name(q->codec) :
	    q->pid == 0 ? "PAT" : q->pid < 0x20 ? "tables" : q->table ? "PMT" :
	    q->referenced ? "-" : "unreferenced");
	if (k != NULL)
		snprintf(more, sizeof(more), "PCR %" PRId64 " ms", k->last_interval.n > 0 ?
		    k->last_interval.sum / (int64_t)k->last_interval.n / 1000000 : 0);
	if (k != NULL && k->last_jitter.n > 0) {
		int64_t us = k->last_jitter.max / 1000;

		snprintf(more + strlen(more), sizeof(more) - strlen(more),
		    ", off %" PRId64 " %s", us < 10000 ? us : us / 1000,
		    us < 10000 ? "us" : "ms");
	}
	for (unsigned i = 0; p->watch != NULL && (s = watch_stream(p->watch, i)) != NULL; i++)
		if (s->pid == q->pid)
			break;
	if (s != NULL && s->video && s->width != 0)
		snprintf(more + strlen(more), sizeof(more) - strlen(more), " %ux%u%s",
		    s->width, s->height, s->captions ? " CC" : "");
	if (s != NULL && !s->video && s->momentary != WATCH_NO_LEVEL)
		snprintf(more + strlen(more), sizeof(more) - strlen(more),
		    " M %" PRId64 " LUFS", s->momentary / 1000);
	add(g, " %5u  %-13.13s %-3.3s %13s %3" PRIu64 ".%" PRIu64 " %%  %s%6" PRIu64 PLAIN
	    "%s %s%s", q->pid, what, q->language, text,
	    h->packets == 0 ? 0 : q->packets * 100 / h->packets,
	    h->packets == 0 ? 0 : q->packets * 1000 / h->packets % 10,
	    q->lost > 0 ? RED : "", q->lost, q->scrambled > 0 ? " scrambled" : "", more,
	    q->missing ? RED " missing" PLAIN : "");
}

static int
by_pid(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void
streams(struct page *g, const struct probe *p, int room)
{
	const struct health *h = p->health;
	uint16_t other[TS_NPID];
	unsigned nother = 0, hidden = 0;
	int end = g->n + room - 1;

	add(g, BOLD "   PID  type          lan          rate   share  losses" PLAIN);
	for (unsigned i = 0; i < h->nprogram; i++) {
		const struct health_program *q = &h->program[i];

		if (g->n + 1 >= end) {
			hidden += q->npid + 1;
			continue;
		}
		add(g, "program %u%s%s%s%s%s%s", q->number, *q->service != '\0' ? " '" : "",
		    q->service, *q->service != '\0' ? "'" : "",
		    *q->provider != '\0' ? " of '" : "", q->provider,
		    *q->provider != '\0' ? "'" : "");
		for (unsigned k = 0; k < q->npid; k++)
			if (h->pid[q->pid[k]] == NULL || g->n >= end)
				hidden++;
			else
				one_pid(g, p, h->pid[q->pid[k]]);
	}
	for (unsigned i = 0; i < h->nused; i++)
		if (h->pid[h->used[i]]->stream_type == 0 && h->pid[h->used[i]]->packets > 0)
			other[nother++] = h->used[i];
	qsort(other, nother, sizeof(*other), by_pid);
	for (unsigned i = 0; i < nother; i++)
		if (g->n >= end)
			hidden++;
		else
			one_pid(g, p, h->pid[other[i]]);
	if (hidden > 0)
		add(g, "   and %u more", hidden);
}

static void
make(struct page *g, struct probe *p)
{
	unsigned nevent = p->nrecent < RECENT ? p->nrecent : RECENT;

	g->n = 0;
	head(g, p);
	faults(g, p->health);
	add(g, "%s", "");
	if (nevent > (unsigned)g->height / 4)
		nevent = (unsigned)g->height / 4;
	streams(g, p, g->height - g->n - (int)nevent - 1);
	if (nevent > 0)
		add(g, "%s", "");
	for (unsigned i = nevent; i > 0; i--)
		add(g, "%s", p->recent[(p->nrecent - i) % RECENT]);
}

static struct page *
page_of_terminal(void)
{
	static struct page g;
	struct winsize size = { 0 };

	g.width = 80;
	g.height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
	    size.ws_row > 0) {
		g.width = size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
		g.height = size.ws_row < LINES_MAX ? size.ws_row : LINES_MAX;
	}
	return &g;
}

void
screen_draw(struct probe *p)
{
	struct page *g = page_of_terminal();

	make(g, p);
	flush(g);
}

void
screen_print(struct probe *p)
{
	struct page *g = page_of_terminal();
	char out[2 * WIDTH_MAX + 16];

	g->height = LINES_MAX;
	make(g, p);
	for (int i = 0; i < g->n; i++) {
		size_t n = cut(g->line[i], g->width, out, sizeof(out) - 8);

		n += (size_t)snprintf(out + n, sizeof(out) - n, PLAIN "\n");
		io_write(STDOUT_FILENO, out, n);
	}
}
