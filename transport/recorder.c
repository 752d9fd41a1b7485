#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/url.h"
#include "transport/capture.h"
#include "transport/flow.h"
#include "transport/note.h"
#include "transport/recorder.h"
#include "transport/recordq.h"

#define PUSH_NS		(CLK_SECOND / 5)	/* so long data wait for a whole chunk */
#define BASE_PORT	5000			/* of inputs without one */
#define IP_UDP		28
#define MOST		(65535 - IP_UDP)
#define TEXT_MOST	1024			/* of an address */

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, ENHANCED = 6 };
enum { END = 0, IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, EPB_DROPCOUNT = 4,
	SHB_USERAPPL = 4 };

struct recorder {
	struct recordq *q;
	char	*path;
	struct file_id file;
	bool	 live, bare, said;
	uint64_t id;
	uint32_t piece;
	int64_t	 every_ns, piece_ns;	/* when the next piece begins */
	int64_t	 push_ns;
	int64_t	 offset_ns;		/* from our clock to UTC */
	uint64_t packets, dropped;
	uint64_t untold;		/* of dropped: no packet has told of them yet */
	uint32_t ninterface;		/* in this piece */
	struct recorder_leg {
		bool	 used;
		bool	 told;		/* its block is in this piece */
		uint32_t interface;
		uint16_t port;
		char	*id, *text;
	} leg[FLOW_LEGS];
};

/* ---- blocks */

static size_t
padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* The body of a block with so many bytes, or NULL. */
static uint8_t *
block(struct recorder *rec, uint32_t type, size_t len)
{
	uint32_t total = (uint32_t)len + 12;
	uint8_t *p = recordq_room(rec->q, total);

	if (p == NULL)
		return NULL;
	memcpy(p, &type, 4);
	memcpy(p + 4, &total, 4);
	memcpy(p + total - 4, &total, 4);
	return p + 8;
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *
put_option(uint8_t *p, uint16_t code, const void *value, size_t len)
{
	uint16_t n = (uint16_t)len;

	memcpy(p, &code, 2);
	memcpy(p + 2, &n, 2);
	memset(p + 4, 0, padded(len));
	memcpy(p + 4, value, len);
	return p + 4 + padded(len);
}

static void
put_note(struct recorder *rec, const struct note *n)
{
	uint8_t body[NOTE_MOST], *p;
	size_t len = note_put(n, body);

	if ((p = block(rec, CAPTURE_NOTE, len)) != NULL)
		memcpy(p, body, len);
	else
		rec->dropped++;
}

static void
put_section(struct recorder *rec, int64_t now_ns)
{
	static const char app[] = "mconnect-relay";
	const uint64_t unknown = UINT64_MAX;
	const struct note start = { .kind = NOTE_START, .time_ns = now_ns,
	    .recording = rec->id, .offset_ns = rec->offset_ns, .piece = rec->piece,
	    .live = rec->live, .bare = rec->bare };
	uint8_t *p = block(rec, SECTION, 16 + 4 + padded(sizeof(app) - 1) + 4);

	rec->ninterface = 0;
	if (p == NULL) {
		rec->dropped++;
		return;
	}
	p = put32(p, UINT32_C(0x1a2b3c4d));
	p = put32(p, 1);			/* version 1.0 */
	memcpy(p, &unknown, 8);
	p = put_option(p + 8, SHB_USERAPPL, app, sizeof(app) - 1);
	put32(p, END);
	put_note(rec, &start);
}

static void
put_interface(struct recorder *rec, struct recorder_leg *l)
{
	static const uint8_t ns = 9;
	size_t name = strlen(l->id), about = strlen(l->text);
	uint8_t *p;

	about = about > TEXT_MOST ? TEXT_MOST : about;
	p = block(rec, INTERFACE, 8 + 4 + padded(name) + 4 + padded(about) + 8 + 4);
	l->told = p != NULL;
	if (p == NULL) {
		rec->dropped++;
		return;
	}
	l->interface = rec->ninterface++;	/* by their order in the file */
	/* IPv4, and 16 bits of nothing.  libpcap 1.10.3 takes only one interface of raw IP. */
	p = put32(p, 228);
	p = put32(p, 0);			/* no limit to packets */
	p = put_option(p, IF_NAME, l->id, name);
	p = put_option(p, IF_DESCRIPTION, l->text, about);
	p = put_option(p, IF_TSRESOL, &ns, 1);
	put32(p, END);
}

/* ---- files */

/* One field of a name; 0: there is none of that kind. */
static size_t
put_field(char kind, const struct tm *tm, char *text, size_t size)
{
	switch (kind) {
	case 'Y':
		return strftime(text, size, "%Y", tm);
	case 'm':
		return strftime(text, size, "%m", tm);
	case 'd':
		return strftime(text, size, "%d", tm);
	case 'H':
		return strftime(text, size, "%H", tm);
	case 'M':
		return strftime(text, size, "%M", tm);
	case 'S':
		return strftime(text, size, "%S", tm);
	case '%':
		return strftime(text, size, "%%", tm);
	default:
		return 0;
	}
}

static int
put_fields(const char *path, char *text, size_t size)
{
	time_t s = (time_t)(clk_utc_ns() / CLK_SECOND);
	size_t n = 0, field;
	struct tm tm;

	gmtime_r(&s, &tm);
	for (; *path != '\0'; path++) {
		if (n + 8 > size)
			return -ENAMETOOLONG;
		if (*path != '%') {
			text[n++] = *path;
			continue;
		}
		if ((field = put_field(*++path, &tm, text + n, size - n)) == 0)
			return -EINVAL;
		n += field;
	}
	text[n] = '\0';
	return 0;
}

/* The name of the next file.  0 or a negative errno. */
static int
name_file(struct recorder *rec, char name[static PATH_MAX])
{
	char text[PATH_MAX];
	const char *file, *dot;
	int n = put_fields(rec->path, text, sizeof(text));

	if (n < 0)
		return n;
	n = snprintf(name, PATH_MAX, "%s", text);
	if (rec->every_ns > 0) {	/* so that they sort in their order */
		file = strrchr(text, '/');
		dot = strrchr(file != NULL ? file : text, '.');
		n = dot == NULL ? snprintf(name, PATH_MAX, "%s-%05u", text, rec->piece) :
		    snprintf(name, PATH_MAX, "%.*s-%05u%s", (int)(dot - text), text,
		    rec->piece, dot);
	}
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void
begin_piece(struct recorder *rec, int64_t now_ns)
{
	put_section(rec, now_ns);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (rec->leg[i].used)
			put_interface(rec, &rec->leg[i]);
}

static void
next_piece(struct recorder *rec, int64_t now_ns)
{
	char name[PATH_MAX];

	rec->piece++;
	rec->piece_ns += ((now_ns - rec->piece_ns) / rec->every_ns + 1) * rec->every_ns;
	if (name_file(rec, name) < 0 || !recordq_file(rec->q, name)) {
		log_warn(0, "no new piece of the recording yet: there is no room");
		return;
	}
	begin_piece(rec, now_ns);
}

int
recorder_new(struct recorder **out, const char *path, int64_t every_ns, bool live, bool bare)
{
	struct recorder *rec = calloc(1, sizeof(*rec));
	char name[PATH_MAX];
	int64_t now_ns = clk_mono_ns();
	int fd = -1, r = -ENOMEM;

	if (rec == NULL)
		return r;
	rec->every_ns = every_ns;
	rec->piece_ns = now_ns + every_ns;
	rec->live = live;
	rec->bare = bare;
	rec->offset_ns = clk_utc_ns() - now_ns;
	if ((rec->path = strdup(path)) != NULL && (r = name_file(rec, name)) == 0) {
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		r = fd < 0 ? -errno : 0;
		rec->file = file_id_of_fd(fd);
	}
	if (r == 0 && getrandom(&rec->id, sizeof(rec->id), 0) < 0)
		r = -errno;
	if (r == 0)
		r = recordq_new(&rec->q, fd);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		free(rec->path);
		free(rec);
		return r;
	}
	begin_piece(rec, now_ns);
	*out = rec;
	return 0;
}

void
recorder_free(struct recorder *rec)
{
	int error;

	if (rec == NULL)
		return;
	recordq_free(rec->q, &error);
	if (error != 0 && !rec->said)
		log_warn(error, "the recording is not whole");
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		free(rec->leg[i].id);
		free(rec->leg[i].text);
	}
	free(rec->path);
	free(rec);
}

struct file_id
recorder_file(const struct recorder *rec)
{
	return rec->file;
}

/* ---- what happens */

static uint16_t
port_of(const char *text, unsigned leg)
{
	struct url *url = malloc(sizeof(*url));
	uint16_t port = 0;

	if (url != NULL && url_parse(url, text) == 0)
		port = url->port;
	free(url);
	return port != 0 ? port : (uint16_t)(BASE_PORT + 10 * leg);
}

void
recorder_leg(struct recorder *rec, unsigned leg, const char *id, const char *text)
{
	struct recorder_leg *l = &rec->leg[leg];

	free(l->id);
	free(l->text);
	*l = (struct recorder_leg){ .id = strdup(id), .text = strdup(text),
	    .port = port_of(text, leg) };
	if (l->id == NULL || l->text == NULL)
		return;
	l->used = true;
	put_interface(rec, l);
}

void
recorder_gone(struct recorder *rec, unsigned leg)
{
	struct recorder_leg *l = &rec->leg[leg];
	const struct note n = { .kind = NOTE_GONE, .interface = l->interface,
	    .time_ns = clk_mono_ns() };

	if (l->used && l->told)
		put_note(rec, &n);
	l->used = false;
}

/* From the input's port; to it, or to that of its FEC. */
static void
put_headers(uint8_t *p, const struct recorder_leg *l, unsigned above, size_t len)
{
	unsigned to = l->port + above;
	size_t ip = len + IP_UDP, udp = len + 8;
	const uint8_t head[IP_UDP] = {
		0x45, 0, (uint8_t)(ip >> 8), (uint8_t)ip, 0, 0, 0x40, 0,
		64, 17, 0, 0, 192, 0, 2, 1,
		192, 0, 2, 2, (uint8_t)(l->port >> 8), (uint8_t)l->port,
		(uint8_t)(to >> 8), (uint8_t)to,
		(uint8_t)(udp >> 8), (uint8_t)udp, 0, 0,	/* no checksum */
	};
	uint32_t sum = 0;

	memcpy(p, head, sizeof(head));
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)head[i] << 8 | head[i + 1];
	sum = ~((sum >> 16) + (sum & 0xffff)) & 0xffff;
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
}

void
recorder_datagram(struct recorder *rec, unsigned leg, unsigned above, const uint8_t *data,
    size_t len, int64_t at_ns)
{
	struct recorder_leg *l = &rec->leg[leg];
	uint64_t utc = (uint64_t)(at_ns + rec->offset_ns);
	uint32_t have = (uint32_t)len + IP_UDP;
	size_t options = rec->untold > 0 ? 16 : 0;
	uint8_t *p = NULL;

	if (l->used && !l->told)
		put_interface(rec, l);		/* there had been no room for it */
	if (l->used && l->told && len <= MOST)
		p = block(rec, ENHANCED, 20 + padded(have) + options);
	if (p == NULL) {
		rec->dropped++;
		rec->untold++;
		return;
	}
	rec->packets++;
	p = put32(p, l->interface);
	p = put32(p, (uint32_t)(utc >> 32));
	p = put32(p, (uint32_t)utc);
	p = put32(p, have);
	p = put32(p, have);
	put_headers(p, l, above, len);
	memcpy(p + IP_UDP, data, len);
	memset(p + have, 0, padded(have) - have);
	p += padded(have);
	if (options > 0) {
		p = put_option(p, EPB_DROPCOUNT, &rec->untold, sizeof(rec->untold));
		put32(p, END);
		rec->untold = 0;
	}
}

void
recorder_turn(struct recorder *rec, int64_t now_ns)
{
	const struct note n = { .kind = NOTE_TURN, .time_ns = now_ns };
	int error;

	put_note(rec, &n);
	if (now_ns < rec->push_ns)
		return;
	rec->push_ns = now_ns + PUSH_NS;
	recordq_push(rec->q);
	if ((error = recordq_error(rec->q)) != 0 && !rec->said) {
		log_warn(error, "cannot write '%s': it is recorded no more", rec->path);
		rec->said = true;
	}
	if (rec->every_ns > 0 && now_ns >= rec->piece_ns && error == 0)
		next_piece(rec, now_ns);
}

void
recorder_end(struct recorder *rec, int64_t now_ns)
{
	const struct note n = { .kind = NOTE_END, .time_ns = now_ns };

	put_note(rec, &n);
	recordq_push(rec->q);
}

void
recorder_numbers(const struct recorder *rec, struct numbers *all)
{
	bool good = recordq_error(rec->q) == 0;

	numbers_add(all, "record_active", "gauge", "1 while the recording goes on.", good);
	numbers_add(all, "record_packets", "counter", "Datagrams that were recorded.",
	    rec->packets);
	numbers_add(all, "record_bytes", "counter", "Bytes in files of the recording.",
	    recordq_bytes(rec->q));
	numbers_add(all, "record_dropped_blocks", "counter",
	    "Datagrams and notes that are not in it: the disk was too slow.", rec->dropped);
}
