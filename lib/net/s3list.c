#include "lib/net/s3list.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"

/* ---- XML */

static xmlDoc *
read_xml(const void *xml, size_t len)
{
	xmlDoc *d;

	if (len > INT_MAX)
		return NULL;
	d = xmlReadMemory(xml, (int)len, "answer", NULL, XML_PARSE_NONET |
	    XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	if (d != NULL && (d->intSubset != NULL || xmlDocGetRootElement(d) == NULL)) {
		xmlFreeDoc(d);
		d = NULL;
	}
	return d;
}

static bool
named(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static xmlNode *
child(const xmlNode *n, const char *name)
{
	xmlNode *c;

	for (c = n->children; c != NULL && !named(c, name); c = c->next)
		;
	return c;
}

/* Into out, cut off if it has to be; "" when there is none. */
static void
text_of(const xmlNode *n, const char *name, char *out, size_t size)
{
	const xmlNode *c = child(n, name);
	xmlChar *s = c == NULL ? NULL : xmlNodeGetContent(c);

	snprintf(out, size, "%s", s == NULL ? "" : (const char *)s);
	xmlFree(s);
}

/* A copy to free(3), with URL escapes undone if asked; NULL: no memory. */
static char *
copy_of(const xmlNode *n, const char *name, bool escaped)
{
	const xmlNode *c = child(n, name);
	xmlChar *s = c == NULL ? NULL : xmlNodeGetContent(c);
	char *copy = strdup(s == NULL ? "" : (const char *)s), *to = copy;

	xmlFree(s);
	for (const char *p = copy; escaped && copy != NULL; p++) {
		int hi = *p == '%' ? hex_digit(p[1]) : -1;
		int lo = hi >= 0 ? hex_digit(p[2]) : -1;

		if (lo >= 0 && hi * 16 + lo != 0) {
			*to++ = (char)(hi * 16 + lo);
			p += 2;
		} else {
			*to = *p;
			if (*p == '+')
				*to = ' ';
			to++;
		}
		if (*p == '\0')
			break;
	}
	return copy;
}

static int64_t
number(const char *s)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	return errno != 0 || end == s || *end != '\0' || v < 0 ? -1 : v;
}

/* ---- lists */

void
s3_list_clear(struct s3_list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->item[i].name);
		free(l->item[i].etag);
		free(l->item[i].type);
		free(l->item[i].storage_class);
	}
	free(l->item);
	free(l->next);
	*l = (struct s3_list){ .n = 0 };
}

static struct s3_item *
add(struct s3_list *l, int *err)
{
	if (l->n == S3_LIST_MAX) {
		*err = -E2BIG;
		return NULL;
	}
	if (l->n == l->size) {
		unsigned size = l->size == 0 ? 128 : l->size * 2;
		struct s3_item *more = reallocarray(l->item, size, sizeof(*more));

		if (more == NULL) {
			*err = -ENOMEM;
			return NULL;
		}
		l->item = more;
		l->size = size;
	}
	l->item[l->n] = (struct s3_item){ .size = -1, .modified_s = -1 };
	return &l->item[l->n++];
}

static bool
whole(const struct s3_item *i)
{
	return i->name != NULL && i->etag != NULL && i->type != NULL &&
	    i->storage_class != NULL;
}

/* An entity tag without the quotes that belong to the header field. */
static void
unquote(char *etag)
{
	size_t len = etag == NULL ? 0 : strlen(etag);

	if (len >= 2 && *etag == '"' && etag[len - 1] == '"') {
		memmove(etag, etag + 1, len - 2);
		etag[len - 2] = '\0';
	}
}

static int
add_contents(struct s3_list *l, const xmlNode *n, bool escaped)
{
	char text[64];
	int64_t ns;
	int err = 0;
	struct s3_item *i = add(l, &err);

	if (i == NULL)
		return err;
	i->name = copy_of(n, "Key", escaped);
	i->etag = copy_of(n, "ETag", false);
	i->storage_class = copy_of(n, "StorageClass", false);
	i->type = strdup("");
	unquote(i->etag);
	text_of(n, "Size", text, sizeof(text));
	i->size = number(text);
	text_of(n, "LastModified", text, sizeof(text));
	if (clk_parse_iso(text, &ns) == 0)
		i->modified_s = ns / CLK_SECOND;
	return !whole(i) ? -ENOMEM : *i->name == '\0' ? -EBADMSG : 0;
}

static int
add_prefix(struct s3_list *l, const xmlNode *n, bool escaped)
{
	int err = 0;
	struct s3_item *i = add(l, &err);

	if (i == NULL)
		return err;
	i->folder = true;
	i->name = copy_of(n, "Prefix", escaped);
	i->etag = strdup("");
	i->storage_class = strdup("");
	i->type = strdup("");
	return !whole(i) ? -ENOMEM : *i->name == '\0' ? -EBADMSG : 0;
}

static int
add_upload(struct s3_list *l, const xmlNode *n, bool escaped)
{
	int err = 0;
	struct s3_item *i = add(l, &err);

	if (i == NULL)
		return err;
	i->name = copy_of(n, "Key", escaped);
	i->etag = copy_of(n, "UploadId", false);
	i->storage_class = strdup("");
	i->type = strdup("");
	return !whole(i) ? -ENOMEM : *i->name == '\0' || *i->etag == '\0' ? -EBADMSG : 0;
}

/* Some elements of a list, by their names, and its token. */
static int
parse_list(struct s3_list *l, const void *xml, size_t len, bool uploads)
{
	xmlDoc *d = read_xml(xml, len);
	const xmlNode *root = d == NULL ? NULL : xmlDocGetRootElement(d);
	char text[16];
	bool escaped;
	int r = 0;

	*l = (struct s3_list){ .n = 0 };
	if (root == NULL || !named(root, uploads ? "ListMultipartUploadsResult" :
	    "ListBucketResult")) {
		xmlFreeDoc(d);
		return -EBADMSG;
	}
	text_of(root, "EncodingType", text, sizeof(text));
	escaped = strcmp(text, "url") == 0;
	for (const xmlNode *n = root->children; n != NULL && r == 0; n = n->next) {
		if (uploads && named(n, "Upload"))
			r = add_upload(l, n, escaped);
		else if (!uploads && named(n, "Contents"))
			r = add_contents(l, n, escaped);
		else if (!uploads && named(n, "CommonPrefixes"))
			r = add_prefix(l, n, escaped);
	}
	text_of(root, "IsTruncated", text, sizeof(text));
	if (r == 0 && strcmp(text, "true") == 0) {
		l->next = copy_of(root, uploads ? "NextKeyMarker" : "NextContinuationToken",
		    false);
		if (l->next == NULL || *l->next == '\0')
			r = l->next == NULL ? -ENOMEM : -EBADMSG;
	}
	xmlFreeDoc(d);
	if (r < 0)
		s3_list_clear(l);
	return r;
}

int
s3_list_parse_xml(struct s3_list *l, const void *xml, size_t len)
{
	return parse_list(l, xml, len, false);
}

int
s3_list_parse_uploads(struct s3_list *l, const void *xml, size_t len)
{
	return parse_list(l, xml, len, true);
}

/* ---- JSON */

static char *
string_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return strdup(s == NULL ? "" : s);
}

static int64_t
integer_of(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (json_is_integer(v))
		return json_integer_value(v) < 0 ? -1 : json_integer_value(v);
	/* The time comes with decimals. */
	if (json_is_real(v) && json_real_value(v) >= 0 && json_real_value(v) < 1e15)
		return (int64_t)json_real_value(v);
	return -1;
}

static int
add_item(struct s3_list *l, const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "Type"));
	int err = 0;
	struct s3_item *i = add(l, &err);

	if (i == NULL)
		return err;
	i->folder = type != NULL && strcmp(type, "FOLDER") == 0;
	i->name = string_of(o, "Name");
	i->etag = string_of(o, "ETag");
	i->type = string_of(o, "ContentType");
	i->storage_class = string_of(o, "StorageClass");
	i->size = integer_of(o, "ContentLength");
	i->modified_s = integer_of(o, "LastModified");
	unquote(i->etag);
	/* A name that is no name of this folder would lead a walk astray. */
	return !whole(i) ? -ENOMEM : type == NULL || *i->name == '\0' ||
	    strchr(i->name, '/') != NULL || strcmp(i->name, ".") == 0 ||
	    strcmp(i->name, "..") == 0 ? -EBADMSG : 0;
}

int
s3_list_parse_json(struct s3_list *l, const void *json, size_t len)
{
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL), *items, *o;
	const char *next;
	size_t k;
	int r = 0;

	*l = (struct s3_list){ .n = 0 };
	items = json_object_get(root, "Items");
	if (!json_is_array(items)) {
		json_decref(root);
		return -EBADMSG;
	}
	json_array_foreach(items, k, o) {
		if ((r = add_item(l, o)) < 0)
			break;
	}
	next = json_string_value(json_object_get(root, "NextToken"));
	if (r == 0 && next != NULL && *next != '\0' && (l->next = strdup(next)) == NULL)
		r = -ENOMEM;
	json_decref(root);
	if (r < 0)
		s3_list_clear(l);
	return r;
}

/* ---- errors and single values */

static void
error_of(struct s3_error *e, const xmlNode *n)
{
	text_of(n, "Code", e->code, sizeof(e->code));
	text_of(n, "Message", e->message, sizeof(e->message));
	text_of(n, "Region", e->region, sizeof(e->region));
}

static int
json_error(struct s3_error *e, const void *body, size_t len)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const char *code = json_string_value(json_object_get(root, "__type"));
	const char *text = json_string_value(json_object_get(root, "Message"));
	const char *hash;

	if (code == NULL)
		code = json_string_value(json_object_get(root, "Code"));
	if (text == NULL)
		text = json_string_value(json_object_get(root, "message"));
	/* It may be a qualified name. */
	if (code != NULL && (hash = strrchr(code, '#')) != NULL)
		code = hash + 1;
	snprintf(e->code, sizeof(e->code), "%s", code == NULL ? "" : code);
	snprintf(e->message, sizeof(e->message), "%s", text == NULL ? "" : text);
	json_decref(root);
	return code != NULL || text != NULL;
}

int
s3_error_parse(struct s3_error *e, const void *body, size_t len)
{
	const char *p = body;
	const xmlNode *root;
	xmlDoc *d;
	bool is;

	memset(e, 0, sizeof(*e));
	if (len > 0 && *p == '{')
		return json_error(e, body, len);
	if (len == 0 || (*p != '<' && *p != '\n' && *p != ' '))
		return 0;
	if ((d = read_xml(body, len)) == NULL)
		return 0;
	root = xmlDocGetRootElement(d);
	is = named(root, "Error");
	if (is)
		error_of(e, root);
	xmlFreeDoc(d);
	return is;
}

int
s3_xml_text(const void *xml, size_t len, const char *name, char *out, size_t size)
{
	xmlDoc *d = read_xml(xml, len);
	const xmlNode *c = d == NULL ? NULL : child(xmlDocGetRootElement(d), name);
	xmlChar *s = c == NULL ? NULL : xmlNodeGetContent(c);
	int r = -EBADMSG;

	if (s != NULL && *s != '\0' && strlen((const char *)s) < size) {
		memcpy(out, s, strlen((const char *)s) + 1);
		r = 0;
	}
	xmlFree(s);
	xmlFreeDoc(d);
	return r;
}

int
s3_delete_parse(const void *xml, size_t len, unsigned *failed, struct s3_error *e)
{
	xmlDoc *d = read_xml(xml, len);
	const xmlNode *root = d == NULL ? NULL : xmlDocGetRootElement(d);

	if (root == NULL || !named(root, "DeleteResult")) {
		xmlFreeDoc(d);
		return -EBADMSG;
	}
	*failed = 0;
	memset(e, 0, sizeof(*e));
	for (const xmlNode *n = root->children; n != NULL; n = n->next) {
		if (!named(n, "Error"))
			continue;
		if (*failed == 0)
			error_of(e, n);
		*failed += 1;
	}
	xmlFreeDoc(d);
	return 0;
}
