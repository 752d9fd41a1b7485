/*
 * amf.h - the Action Message Format: values of RTMP commands and FLV metadata.
 *
 * Spec     AMF 0 (Adobe, 2007) 2; AMF 3 (Adobe, 2013) 3; a value of AMF 3 within AMF 0
 *          by the marker 0x11 (2.17).
 * Shape    A reader walks values in the order of the bytes and flattens them: an object
 *          or array is an item, then its members one deeper, then AMF_END.  References
 *          to objects are AMF_OTHER; dates are their number.  The writer makes AMF 0,
 *          which every peer understands.
 * Memory   Nothing allocates; keys and strings borrow the bytes.
 * Threads  Caller's structs.
 * Errors   -EBADMSG damaged or too deep; the writer's is sticky.
 */
#ifndef AMF_H
#define AMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMF_DEPTH	16
#define AMF_STRINGS	64	/* strings of AMF 3 that can be referred to */
#define AMF_TRAITS	8	/* and kinds of objects, */
#define AMF_MEMBERS	32	/* with so many members by name */

enum amf_type { AMF_NUMBER, AMF_BOOLEAN, AMF_STRING, AMF_NULL, AMF_OBJECT, AMF_ARRAY,
	AMF_OTHER, AMF_END };

struct amf_text {
	const char *p;		/* not terminated */
	size_t	    len;
};

struct amf_item {
	enum amf_type type;
	unsigned depth;		/* 0: a value of the message itself */
	struct amf_text key;	/* of a member, else of length 0 */
	double	 number;
	bool	 boolean;
	struct amf_text string;
};

struct amf {
	const uint8_t *p, *end;
	/* private: */
	unsigned depth;
	struct amf_frame {
		uint8_t	 kind;
		uint8_t	 trait, member;
		uint32_t left;
	} frame[AMF_DEPTH];
	unsigned nstring, ntrait;
	struct amf_text string[AMF_STRINGS];
	struct amf_trait {
		uint32_t count;
		bool	 dynamic;
		struct amf_text member[AMF_MEMBERS];
	} trait[AMF_TRAITS];
};

void amf_init(struct amf *a, const uint8_t *p, size_t len);

/* 1 with the next item, 0 at the end, -EBADMSG. */
int amf_next(struct amf *a, struct amf_item *it);

/* Pass over what is in the object or array that it has just given. */
int amf_skip(struct amf *a, const struct amf_item *it);

bool amf_is(struct amf_text t, const char *text);

/* A copy, cut to fit, with control characters as ?; returns whether all was copied. */
bool amf_copy(struct amf_text t, char *out, size_t size);

struct amf_out {
	uint8_t *p;
	size_t	 len, size;
	bool	 full;
};

void amf_put_number(struct amf_out *o, double v);
void amf_put_boolean(struct amf_out *o, bool v);
void amf_put_string(struct amf_out *o, const char *text);
void amf_put_null(struct amf_out *o);
void amf_put_object(struct amf_out *o);			/* then members, then the end */
void amf_put_ecma(struct amf_out *o, uint32_t count);	/* the same; count is a hint */
void amf_put_key(struct amf_out *o, const char *key);	/* then a value */
void amf_put_end(struct amf_out *o);
void amf_put_array(struct amf_out *o, uint32_t count);	/* strict: then so many values */

#endif
