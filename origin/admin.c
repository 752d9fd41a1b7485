/* /metrics and /health, on a listener of their own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/net/metrics.h"
#include "origin/archs3.h"
#include "origin/control.h"
#include "origin/serve.h"

/* The same counter of all loops: they are arrays of the same layout. */
static uint64_t
sum(struct serve *s, size_t offset)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < s->httpd.config.threads; i++) {
		const char *stats = (const char *)&s->httpd.loop[i].stats;

		v += atomic_load_explicit((const httpd_count *)(const void *)
		    (stats + offset), memory_order_relaxed);
	}
	return v;
}

/* With the lines of CONTAINERS_MAX containers of all groups: about 100 bytes each. */
#define METRICS_SIZE	(16384 + CONTAINERS_MAX * 6 * 8 * 256)

#define SUM(s, member)	sum((s), offsetof(struct httpd_stats, member))

static void
add_times(struct metrics *m, struct serve *s, const char *name, const char *help,
    size_t offset)
{
	char part[64], labels[48];
	uint64_t below = 0;

	metrics_about(m, name, "histogram", help);
	snprintf(part, sizeof(part), "%s_bucket", name);
	for (size_t i = 0; i < HTTPD_BUCKETS; i++) {
		below += sum(s, offset + offsetof(struct httpd_times, bucket) +
		    i * sizeof(httpd_count));
		if (httpd_bucket_ns[i] == INT64_MAX)
			snprintf(labels, sizeof(labels), "le=\"+Inf\"");
		else
			snprintf(labels, sizeof(labels), "le=\"%u.%03u\"",
			    (unsigned)(httpd_bucket_ns[i] / CLK_SECOND),
			    (unsigned)(httpd_bucket_ns[i] % CLK_SECOND / 1000000));
		metrics_add(m, part, labels, below);
	}
	snprintf(part, sizeof(part), "%s_sum", name);
	metrics_add_ns(m, part, "", sum(s, offset + offsetof(struct httpd_times, sum_ns)));
	snprintf(part, sizeof(part), "%s_count", name);
	metrics_add(m, part, "", sum(s, offset + offsetof(struct httpd_times, count)));
}

static void
add_one(struct metrics *m, const char *name, const char *type, const char *help,
    uint64_t value)
{
	metrics_about(m, name, type, help);
	metrics_add(m, name, "", value);
}

/* One of a container's, for all containers that have a metric policy. */
static void
add_group(struct metrics *m, struct serve *s, const char *name, const char *help,
    size_t offset, bool seconds)
{
	char of[CONTAINER_NAME] = "", labels[CONTAINER_NAME + 64];
	struct container *c;
	struct policy *p;
	bool about = false;

	while (containers_next(&s->containers, of, of) == 0) {
		if (!containers_find(&s->containers, of, strlen(of), &c, &p))
			continue;
		for (unsigned i = 0; i < GROUP_COUNT; i++) {
			const struct group *g = &p->group[i];
			uint64_t n;

			if (g->count == NULL)
				continue;
			if (!about)
				metrics_about(m, name, "counter", help);
			about = true;
			n = atomic_load((const _Atomic uint64_t *)(const void *)
			    ((const char *)g->count + offset));
			snprintf(labels, sizeof(labels), i == GROUP_ALL ?
			    "container=\"%s\"" : "container=\"%s\",object_group=\"%s\"", of,
			    g->name);
			if (seconds)
				metrics_add_ns(m, name, labels, n);
			else
				metrics_add(m, name, labels, n);
		}
		container_unref(&c);
		policy_unref(&p);
	}
}

static void
add_containers(struct metrics *m, struct serve *s)
{
	static const struct {
		const char *name, *help;
		size_t offset;
		bool seconds;
	} of[] = {
		{ "mstore_container_4xx_error_count", "Answers 400 to 499.",
		    offsetof(struct counters, errors_4xx), false },
		{ "mstore_container_5xx_error_count", "Answers 500 to 599.",
		    offsetof(struct counters, errors_5xx), false },
		{ "mstore_container_bytes_downloaded", "Bytes sent.",
		    offsetof(struct counters, bytes_out), false },
		{ "mstore_container_bytes_uploaded", "Bytes of bodies received.",
		    offsetof(struct counters, bytes_in), false },
		{ "mstore_container_request_count", "Requests.",
		    offsetof(struct counters, requests), false },
		{ "mstore_container_throttle_count", "Answers 429 and 503.",
		    offsetof(struct counters, throttled), false },
		{ "mstore_container_total_time_seconds",
		    "From the request to the last byte of the answer, added up.",
		    offsetof(struct counters, total_ns), true },
		{ "mstore_container_turnaround_time_seconds",
		    "From the request to the first byte of the answer, added up.",
		    offsetof(struct counters, turnaround_ns), true },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		add_group(m, s, of[i].name, of[i].help, of[i].offset, of[i].seconds);
}

static void
reply_metrics(struct httpd_conn *c)
{
	static const char *const method[] = {
		"get", "head", "put", "delete", "options", "other",
	};
	static const char *const class[] = { "", "1xx", "2xx", "3xx", "4xx", "5xx" };
	struct serve *s = serve_of(c);
	char *text = malloc(METRICS_SIZE), labels[32];
	struct metrics m = { .buf = text, .size = METRICS_SIZE };
	uint64_t accepted = SUM(s, accepted), closed = SUM(s, closed);

	if (text == NULL) {
		httpd_reply_text(c, 503, NULL, NULL);
		return;
	}
	metrics_about(&m, "mstore_request_count", "counter", "Requests, by operation.");
	for (size_t i = 0; i <= H1_OTHER; i++) {
		snprintf(labels, sizeof(labels), "operation=\"%s\"", method[i]);
		metrics_add(&m, "mstore_request_count", labels,
		    sum(s, offsetof(struct httpd_stats, requests) + i * sizeof(httpd_count)));
	}
	metrics_about(&m, "mstore_protocol_count", "counter", "Requests, by protocol.");
	metrics_add(&m, "mstore_protocol_count", "protocol=\"http/1\"",
	    SUM(s, protocol[0]));
	metrics_add(&m, "mstore_protocol_count", "protocol=\"http/2\"",
	    SUM(s, protocol[1]));
	metrics_about(&m, "mstore_response_count", "counter", "Answers, by class.");
	for (size_t i = 2; i < 6; i++) {
		snprintf(labels, sizeof(labels), "class=\"%s\"", class[i]);
		metrics_add(&m, "mstore_response_count", labels,
		    sum(s, offsetof(struct httpd_stats, status) + i * sizeof(httpd_count)));
	}
	add_one(&m, "mstore_4xx_error_count", "counter", "Answers 400 to 499.",
	    SUM(s, status[4]));
	add_one(&m, "mstore_5xx_error_count", "counter", "Answers 500 to 599.",
	    SUM(s, status[5]));
	add_one(&m, "mstore_bytes_uploaded", "counter", "Bytes of bodies received.",
	    SUM(s, bytes_in));
	add_one(&m, "mstore_bytes_downloaded", "counter", "Bytes sent.",
	    SUM(s, bytes_out));
	add_one(&m, "mstore_throttle_count", "counter",
	    "Connections refused because there were too many.", SUM(s, refused));
	add_one(&m, "mstore_timeout_count", "counter",
	    "Connections closed because the peer was too slow.", SUM(s, timeout));
	add_one(&m, "mstore_tls_handshake_count", "counter", "TLS handshakes.",
	    SUM(s, tls_done));
	add_one(&m, "mstore_tls_resumed_count", "counter",
	    "TLS handshakes that resumed a session.", SUM(s, tls_resumed));
	add_one(&m, "mstore_tls_failed_count", "counter",
	    "TLS handshakes that failed.", SUM(s, tls_failed));
	add_one(&m, "mstore_h2_stream_count", "counter", "Streams of HTTP/2.",
	    SUM(s, h2_streams));
	add_one(&m, "mstore_h2_abuse_count", "counter",
	    "Connections of HTTP/2 closed because they were abused.", SUM(s, h2_abused));
	add_one(&m, "mstore_aborted_count", "counter",
	    "Exchanges that did not reach their end.", SUM(s, aborted));
	add_one(&m, "mstore_conflict_count", "counter",
	    "Writes whose condition did not hold at the end.",
	    atomic_load(&s->conflicts));
	add_one(&m, "mstore_memory_bytes", "gauge",
	    "Memory of objects in use and of requests that wait.",
	    atomic_load(&s->httpd.memory.used));
	add_one(&m, "mstore_memory_refused_count", "counter",
	    "Times that there was no more of it.",
	    atomic_load(&s->httpd.memory.refused));
	add_one(&m, "mstore_held_requests", "gauge",
	    "Requests that wait for a playlist or a promised object.",
	    live_waiting(&s->live));
	add_one(&m, "mstore_held_paths", "gauge",
	    "Paths that requests wait at, or that playlists promise.",
	    atomic_load(&s->live.nspot));
	add_one(&m, "mstore_held_count", "counter", "Requests that had to wait.",
	    atomic_load(&s->live.held));
	add_one(&m, "mstore_held_too_long_count", "counter",
	    "Requests for a playlist that waited in vain: 503.",
	    atomic_load(&s->live.late));
	add_one(&m, "mstore_held_refused_count", "counter",
	    "Requests for what a playlist is not near to: 400.",
	    atomic_load(&s->live.refused));
	add_one(&m, "mstore_expired_count", "counter",
	    "Objects that lifecycle rules removed.", atomic_load(&s->sweep.expired));
	add_one(&m, "mstore_archived_count", "counter",
	    "Objects that they moved to the archive.", atomic_load(&s->sweep.archived));
	add_one(&m, "mstore_lifecycle_failed_count", "counter",
	    "Times that one could not be.", atomic_load(&s->sweep.failed));
	add_one(&m, "mstore_archive_read_failed_count", "counter",
	    "Reads from an archive in S3 that failed.", atomic_load(&s->archget.failed));
	add_one(&m, "mstore_archive_pending_count", "gauge",
	    "Objects that it has yet to delete.", archs3_pending(s->store.archive.s3));
	add_one(&m, "mstore_log_lost_count", "counter",
	    "Times that the access log could not be written.",
	    atomic_load(&s->access.dropped));
	add_one(&m, "mstore_connections_accepted", "counter", "Connections taken.",
	    accepted);
	add_one(&m, "mstore_connections", "gauge", "Connections now.",
	    accepted > closed ? accepted - closed : 0);
	add_times(&m, s, "mstore_total_time_seconds",
	    "From the request to the last byte of the answer.",
	    offsetof(struct httpd_stats, total));
	add_times(&m, s, "mstore_turnaround_time_seconds",
	    "From the request to the first byte of the answer.",
	    offsetof(struct httpd_stats, turnaround));
	metrics_about(&m, "mstore_uptime_seconds", "gauge", "Since the start.");
	metrics_add_ns(&m, "mstore_uptime_seconds", "",
	    (uint64_t)(clk_mono_ns() - s->start_ns));
	add_containers(&m, s);
	httpd_reply(c, &(struct httpd_reply){
		.status = m.lost > 0 ? 500 : 200, .mem = text, .mem_len = m.len,
		.head = "Content-Type: " METRICS_TYPE "\r\nCache-Control: no-store\r\n",
		.head_len = strlen("Content-Type: " METRICS_TYPE
		    "\r\nCache-Control: no-store\r\n"),
	});
	free(text);
}

static void
reply_health(struct httpd_conn *c)
{
	int err = tree_look(&serve_of(c)->store.tree);
	bool well = err == 0 || err == -EXDEV;

	httpd_reply_text(c, well ? 200 : 503, "Cache-Control: no-store\r\n",
	    well ? NULL : "the root was removed");
}

void
serve_admin(struct httpd_conn *c, const struct h1_request *r)
{
	if (control_is(r))
		control_request(c, r);
	else if (r->method != H1_GET && r->method != H1_HEAD)
		httpd_reply_text(c, 405, "Allow: GET, HEAD\r\n", NULL);
	else if (h1_is(r->path, "/metrics"))
		reply_metrics(c);
	else if (h1_is(r->path, "/health"))
		reply_health(c);
	else
		httpd_reply_text(c, 404, NULL, "there are /metrics and /health");
}
