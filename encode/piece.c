#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "encode/piece.h"
#include "lib/base/clk.h"
#include "lib/base/text.h"

static const char *const state_name[] = { "open", "closed", "sending", "done", "dropped" };
const char *const piece_form_name[PIECE_FORMS] = { "ts", "mp4", "cmaf" };
#define STATES	(sizeof(state_name) / sizeof(state_name[0]))

void
pieces_free(struct pieces *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i].file);
	free(l->p);
	*l = (struct pieces){ .n = 0 };
}

size_t
pieces_place(const struct pieces *l, uint64_t number)
{
	size_t from = 0, to = l->n;

	if (l->n > 0 && l->p[l->n - 1].number < number)
		return l->n;
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (l->p[mid].number < number)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int
pieces_set(struct pieces *l, const struct piece *p)
{
	size_t at = pieces_place(l, p->number);
	bool there = at < l->n && l->p[at].number == p->number;
	struct piece_file *file = NULL;

	if (p->nfile > 0 && !(there && l->p[at].file == p->file)) {
		if ((file = malloc(p->nfile * sizeof(*file))) == NULL)
			return -ENOMEM;
		memcpy(file, p->file, p->nfile * sizeof(*file));
	}
	if (there) {
		if (l->p[at].file != p->file || p->nfile == 0)
			free(l->p[at].file);
		else
			file = p->file;
		l->p[at] = *p;
		l->p[at].file = file;
		return 0;
	}
	if (l->n == PIECES_MAX) {
		free(file);
		return -E2BIG;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap * 2 + 64;
		struct piece *q = realloc(l->p, cap * sizeof(*q));

		if (q == NULL) {
			free(file);
			return -ENOMEM;
		}
		l->p = q;
		l->cap = cap;
	}
	memmove(l->p + at + 1, l->p + at, (l->n - at) * sizeof(*l->p));
	l->p[at] = *p;
	l->p[at].file = file;
	l->n++;
	return 0;
}

struct piece *
pieces_find(struct pieces *l, uint64_t number)
{
	size_t at = pieces_place(l, number);

	return at < l->n && l->p[at].number == number ? &l->p[at] : NULL;
}

bool
pieces_have_name(const struct pieces *l, const char *name)
{
	for (size_t i = l->n; i-- > 0;)
		if (l->p[i].state != PIECE_DROPPED && strcmp(l->p[i].name, name) == 0)
			return true;
	return false;
}

bool
piece_name_good(const char *name)
{
	size_t len;

	if (strlen(name) >= PIECE_NAME || *name == '\0')
		return false;
	for (;; name += len + 1) {
		len = strcspn(name, "/");
		if (len == 0 || (len <= 2 && strspn(name, ".") >= len))
			return false;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
				return false;
		if (name[len] == '\0')
			return true;
	}
}

int
piece_tagged(const char *name, const char *tag, char out[static PIECE_NAME])
{
	const char *dot = strrchr(name, '.');
	int n;

	if (dot == NULL || strchr(dot, '/') != NULL)
		dot = name + strlen(name);
	n = snprintf(out, PIECE_NAME, "%.*s%s%s", (int)(dot - name), name, tag, dot);
	return n < 0 || n >= PIECE_NAME ? -ENAMETOOLONG : 0;
}

/* ---- one piece */

static bool
read_number(json_t *j, const char *key, int64_t least, int64_t *v)
{
	json_t *n = json_object_get(j, key);

	if (n == NULL)
		return true;
	*v = json_integer_value(n);
	return json_is_integer(n) && *v >= least;
}

static bool
read_text(json_t *j, const char *key, char *to, size_t size)
{
	json_t *s = json_object_get(j, key);

	if (s == NULL)
		return true;
	if (!json_is_string(s) || json_string_length(s) >= size)
		return false;
	memcpy(to, json_string_value(s), json_string_length(s) + 1);
	return true;
}

static bool
read_time(json_t *j, struct piece *p)
{
	json_t *s = json_object_get(j, "start");
	int64_t ms = 0;

	if (s != NULL && (!json_is_string(s) ||
	    clk_parse_iso(json_string_value(s), &p->utc_ns) < 0))
		return false;
	if (!read_number(j, "duration_ms", 0, &ms) || ms > INT64_MAX / 1000000)
		return false;
	p->duration_ns = ms * 1000000;
	return true;
}

static bool
tag_good(const char *tag)
{
	for (; *tag != '\0'; tag++)
		if (*tag != '-' && !(*tag >= '0' && *tag <= '9') && !(*tag >= 'a' && *tag <= 'z'))
			return false;
	return true;
}

static int
read_files(json_t *j, struct piece *p)
{
	json_t *list = json_object_get(j, "files"), *one;
	size_t i, n = json_array_size(list);

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || n == 0 || n > PIECE_FILES)
		return -EBADMSG;
	if ((p->file = calloc(n, sizeof(*p->file))) == NULL)
		return -ENOMEM;
	json_array_foreach(list, i, one) {
		struct piece_file *f = &p->file[i];
		int64_t bytes = 0;

		if (!json_is_object(one) || !read_number(one, "bytes", 0, &bytes) ||
		    !read_text(one, "tag", f->tag, sizeof(f->tag)) || !tag_good(f->tag) ||
		    !read_text(one, "sha256", f->sha256, sizeof(f->sha256)))
			return -EBADMSG;
		f->bytes = (uint64_t)bytes;
	}
	p->nfile = (unsigned)n;
	return 0;
}

static enum piece_form
read_form(json_t *j)
{
	const char *name = json_string_value(json_object_get(j, "form"));
	enum piece_form f = PIECE_TS;

	for (unsigned i = 0; name != NULL && i < PIECE_FORMS; i++)
		if (strcmp(name, piece_form_name[i]) == 0)
			f = (enum piece_form)i;
	return f;
}

/* Where it begins. */
static bool
read_begin(json_t *j, struct piece *p)
{
	json_t *pts = json_object_get(j, "pts"), *t = json_object_get(j, "t");

	if (pts == NULL || t == NULL)
		return true;
	if (!read_number(j, "pts", 0, &p->pts) || !read_number(j, "t", INT64_MIN / 4, &p->t) ||
	    p->pts >= INT64_C(1) << 33 || p->t > INT64_MAX / 4)
		return false;
	p->timed = true;
	p->forced = json_is_true(json_object_get(j, "forced"));
	return true;
}

static int
parse_object(json_t *j, struct piece *p)
{
	struct piece out = { .state = PIECE_DONE };
	int64_t number = 0, bytes = 0, held = 0, copied = 0;
	char state[16] = "done";
	size_t s;
	int r;

	if (!json_is_object(j) || !read_number(j, "number", 1, &number) || number == 0 ||
	    (uint64_t)number > PIECE_NUMBER ||
	    !read_number(j, "interval", INT64_MIN, &out.slot) ||
	    !read_number(j, "bytes", 0, &bytes) || !read_number(j, "copied", 0, &copied) ||
	    !read_number(j, "held", 0, &held) || copied > UINT32_MAX ||
	    !read_time(j, &out) || !read_begin(j, &out) ||
	    !read_text(j, json_object_get(j, "name") != NULL ? "name" : "path", out.name, sizeof(out.name)) ||
	    !read_text(j, "sha256", out.sha256, sizeof(out.sha256)) ||
	    !read_text(j, "state", state, sizeof(state)))
		return -EBADMSG;
	for (s = 0; s < STATES && strcmp(state, state_name[s]) != 0; s++)
		;
	if (s == STATES || (out.name[0] != '\0' && !piece_name_good(out.name)))
		return -EBADMSG;
	if ((r = read_files(j, &out)) < 0) {
		free(out.file);
		return r;
	}
	out.state = (enum piece_state)s;
	out.number = (uint64_t)number;
	out.bytes = (uint64_t)bytes;
	out.held = (uint64_t)held;
	out.copied = (unsigned)copied;
	out.gap = json_is_true(json_object_get(j, "gap"));
	out.recovered = json_is_true(json_object_get(j, "recovered"));
	out.form = read_form(j);
	*p = out;
	return 0;
}

/* In a manifest their paths are there to be read. */
static json_t *
make_files(const struct piece *p, bool journal)
{
	json_t *list = json_array();
	char path[PIECE_NAME];

	for (unsigned i = 0; i < p->nfile; i++) {
		const struct piece_file *f = &p->file[i];
		json_t *one = json_pack("{ss sI ss}", "tag", f->tag, "bytes",
		    (json_int_t)f->bytes, "sha256", f->sha256);

		if (!journal && piece_tagged(p->name, f->tag, path) == 0)
			json_object_set_new(one, "path", json_string(path));
		json_array_append_new(list, one);
	}
	return list;
}

static void
add_private(json_t *j, const struct piece *p)
{
	json_object_set_new(j, "state", json_string(state_name[p->state]));
	json_object_set_new(j, "held", json_integer((json_int_t)p->held));
	if (!p->timed)
		return;
	json_object_set_new(j, "pts", json_integer(p->pts));
	json_object_set_new(j, "t", json_integer(p->t));
	if (p->forced)
		json_object_set_new(j, "forced", json_true());
}

static json_t *
make_object(const struct piece *p, bool state)
{
	char iso[CLK_ISO], path[PIECE_NAME];
	bool several = p->nfile > 0 && piece_tagged(p->name, p->file[0].tag, path) == 0;
	json_t *j = json_pack("{sI ss sI sI sI}", "number", (json_int_t)p->number,
	    "path", several ? path : p->name, "interval", (json_int_t)p->slot,
	    "duration_ms", (json_int_t)(p->duration_ns / 1000000),
	    "bytes", (json_int_t)p->bytes);

	clk_iso(p->utc_ns, iso);
	json_object_set_new(j, "start", json_string(iso));
	if (p->sha256[0] != '\0')
		json_object_set_new(j, "sha256", json_string(p->sha256));
	if (p->copied > 0 && (state || p->form == PIECE_TS))
		json_object_set_new(j, "copied", json_integer(p->copied));
	if (p->gap)
		json_object_set_new(j, "gap", json_true());
	if (p->recovered)
		json_object_set_new(j, "recovered", json_true());
	if (p->form != PIECE_TS)
		json_object_set_new(j, "form", json_string(piece_form_name[p->form]));
	if (several) {
		json_object_set_new(j, "name", json_string(p->name));
		json_object_set_new(j, "files", make_files(p, state));
	}
	if (state)
		add_private(j, p);
	return j;
}

json_t *
piece_object(const struct piece *p)
{
	return make_object(p, false);
}

int
piece_parse(const char *line, size_t len, struct piece *p)
{
	json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	int r = j == NULL ? -EBADMSG : parse_object(j, p);

	json_decref(j);
	return r;
}

char *
piece_line(const struct piece *p)
{
	json_t *j = make_object(p, true);
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	struct text t = { .len = 0 };

	json_decref(j);
	if (text == NULL)
		return NULL;
	text_add(&t, "%s\n", text);
	free(text);
	return text_take(&t);
}

/* ---- all of them */

int
journal_parse(struct pieces *l, const char *text, size_t len, uint64_t *bad)
{
	int r = 0;

	while (len > 0 && r == 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;
		struct piece p;

		if (n > 0 && (end == NULL || piece_parse(text, n, &p) < 0)) {
			++*bad;
		} else if (n > 0) {
			r = pieces_set(l, &p);
			free(p.file);
		}
		n += end != NULL;
		text += n;
		len -= n;
	}
	return r;
}

void
manifest_part(unsigned part, const char *ending, char name[static MANIFEST_PART])
{
	snprintf(name, MANIFEST_PART, "index-%06u.%s", part + 1, ending);
}

int
manifest_parse(struct pieces *l, const char *text, size_t len, struct manifest *m)
{
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *list, *one;
	struct pieces out = { .n = 0 };
	struct piece p;
	size_t i, n = json_array_size(json_object_get(j, "parts"));
	int64_t each = 0, before = -1;
	int r = 0;

	list = json_object_get(j, "pieces");
	if (!json_is_array(list) || n > PIECES_MAX || !read_number(j, "list", 1, &each) ||
	    !read_number(j, "before", 0, &before) ||
	    each > PIECES_MAX || (n > 0 && each == 0))
		r = -EBADMSG;
	json_array_foreach(list, i, one)
		if (r == 0 && (r = parse_object(one, &p)) == 0) {
			p.state = PIECE_DONE;
			r = pieces_set(&out, &p);
			free(p.file);
		}
	json_decref(j);
	if (r < 0) {
		pieces_free(&out);
		return r;
	}
	*l = out;
	m->parts = (unsigned)n;
	m->list = (uint64_t)each;
	m->before = before >= 0 ? (uint64_t)before : n * (uint64_t)each;
	return 0;
}

bool
pieces_final(const struct pieces *l, uint64_t above, uint64_t upto)
{
	for (size_t i = pieces_place(l, above + 1); i < l->n && l->p[i].number <= upto; i++)
		if (l->p[i].state != PIECE_DONE && l->p[i].state != PIECE_DROPPED)
			return false;
	return true;
}

static json_t *
make_parts(unsigned n)
{
	json_t *list = json_array();
	char name[MANIFEST_PART];

	for (unsigned i = 0; i < n; i++) {
		manifest_part(i, "json", name);
		json_array_append_new(list, json_string(name));
	}
	return list;
}

/* So many are in the parts. */
static uint64_t
delivered_before(const struct pieces *l, uint64_t above)
{
	uint64_t n = l->gone;

	for (size_t i = 0; i < l->n && l->p[i].number <= above; i++)
		n += l->p[i].state == PIECE_DONE;
	return n;
}

char *
manifest_put(const struct pieces *l, const struct manifest *m)
{
	struct text t = { .len = 0 };
	json_t *head = json_pack("{si ss sb}", "version", 1, "show", m->show, "ended", m->ended);
	bool first = true;
	char *s;

	if (m->parts > 0) {
		json_object_set_new(head, "list", json_integer((json_int_t)m->list));
		json_object_set_new(head, "before",
		    json_integer((json_int_t)delivered_before(l, m->above)));
		json_object_set_new(head, "parts", make_parts(m->parts));
	}
	s = head == NULL ? NULL : json_dumps(head, JSON_COMPACT);
	json_decref(head);
	if (s == NULL)
		return NULL;
	text_add(&t, "%.*s,\"pieces\":[", (int)strlen(s) - 1, s);
	free(s);
	for (size_t i = pieces_place(l, m->above + 1); i < l->n && l->p[i].number <= m->upto; i++) {
		json_t *j;

		if (l->p[i].state != PIECE_DONE)
			continue;
		j = make_object(&l->p[i], false);
		s = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
		json_decref(j);
		if (s == NULL)
			t.failed = true;
		else
			text_add(&t, "%s\n%s", first ? "" : ",", s);
		free(s);
		first = false;
	}
	text_add(&t, "\n]}\n");
	return text_take(&t);
}

/* What is not safe in a URI (RFC 3986 2.3) is escaped. */
static void
add_uri(struct text *t, const char *name)
{
	for (; *name != '\0'; name++)
		if ((*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
		    (*name >= 'a' && *name <= 'z') || strchr("-._~/", *name) != NULL)
			text_add(t, "%c", *name);
		else
			text_add(t, "%%%02X", (unsigned char)*name);
	text_add(t, "\n");
}

char *
playlist_put(const struct pieces *l, const struct manifest *m)
{
	struct text t = { .len = 0 };
	int64_t longest = m->every_ns > CLK_SECOND ? m->every_ns : CLK_SECOND;
	size_t from = pieces_place(l, m->above + 1), to = pieces_place(l, m->upto + 1);
	uint64_t last = 0, before = delivered_before(l, m->above);

	for (size_t i = from; i < to; i++)
		if (l->p[i].state == PIECE_DONE && l->p[i].duration_ns > longest)
			longest = l->p[i].duration_ns;
	text_add(&t, "#EXTM3U\n#EXT-X-VERSION:3\n");
	if (m->ended || m->parts == 0)		/* else the first may go */
		text_add(&t, "#EXT-X-PLAYLIST-TYPE:%s\n", m->ended ? "VOD" : "EVENT");
	text_add(&t, "#EXT-X-TARGETDURATION:%" PRId64 "\n",
	    (longest + CLK_SECOND / 2) / CLK_SECOND);
	if (before > 0)
		text_add(&t, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", before);
	for (size_t i = from; i < to; i++) {
		const struct piece *p = &l->p[i];
		char iso[CLK_ISO];

		if (p->state != PIECE_DONE)
			continue;
		if (last != 0 && (p->gap || p->number != last + 1))
			text_add(&t, "#EXT-X-DISCONTINUITY\n");
		last = p->number;
		clk_iso(p->utc_ns, iso);
		text_add(&t, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:", iso);
		text_seconds(&t, p->duration_ns, CLK_SECOND, 3);
		text_add(&t, ",\n");
		add_uri(&t, p->name);
	}
	if (m->ended)
		text_add(&t, "#EXT-X-ENDLIST\n");
	return text_take(&t);
}
