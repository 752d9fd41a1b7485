/*
 * s3addr.h - where an object store is, and with which keys it is asked.
 *
 *     s3://bucket[/key][?endpoint=http://127.0.0.1:7480&region=us-east-1]
 *     http://host[:port]/path        a store that speaks as AWS MediaStore did
 *
 * Spec     AWS: "Methods for accessing a bucket", "Shared config and credentials
 *          files"; the variables of the environment are those of its tools.
 * Shape    An s3:// address takes endpoint, region, style (path or virtual),
 *          profile, credentials-file, acl (such as public-read), storage-class
 *          (such as STANDARD_IA).  What it does not say comes from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
 *          AWS_DEFAULT_REGION, AWS_PROFILE.  Without an endpoint it is Amazon's of
 *          the region.
 *          Keys: of credentials-file, else AWS_ACCESS_KEY_ID and its kin, else of
 *          AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials.  For http they are
 *          MSTORE_ACCESS_KEY_ID, MSTORE_SECRET_ACCESS_KEY, or the AWS_ ones.
 *          Keys are never part of an address.
 * Memory   One struct with fixed buffers.  s3_address_clear() wipes the secret.
 * Errors   -EINVAL, with a reason; -ENAMETOOLONG; of the credentials file.
 */
#ifndef S3ADDR_H
#define S3ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define S3_KEY_MAX	1024		/* of an object, without escapes */
#define S3_HOST_MAX	512

struct s3_keys {
	char	 id[129];		/* "": nothing is signed */
	char	 secret[256];
	char	 token[4096];		/* of a session, or "" */
};

struct s3_address {
	bool	 s3;			/* or MediaStore's way, over http */
	bool	 tls;
	bool	 path_style;		/* the bucket is the first of the path */
	bool	 amazon;		/* no endpoint was named */
	char	 endpoint[S3_HOST_MAX];	/* host[:port] without the bucket */
	char	 bucket[256];		/* "" for http */
	char	 key[S3_KEY_MAX + 1];	/* decoded, without the first /; or "" */
	char	 region[64];
	char	 acl[32];		/* S3's canned one of what is put, or "" */
	char	 storage_class[32];	/* of what is put, or "" */
	struct s3_keys keys;
};

/* reason is text for a message, set on any error. */
int s3_address_parse(struct s3_address *a, const char *url, char reason[static 160]);
void s3_address_clear(struct s3_address *a);

/* Another region: Amazon's endpoint goes with it. */
int s3_address_region(struct s3_address *a, const char *region);

/* What goes into Host. */
int s3_address_host(const struct s3_address *a, char *out, size_t size);

/* The path of an object, escaped, as it is sent.  0 or -ENAMETOOLONG. */
int s3_address_path(const struct s3_address *a, const char *key, char *out, size_t size);

/* Escape all but letters, digits, - . _ ~, and with slash / too.  Likewise. */
int s3_escape(const char *text, bool slash, char *out, size_t size);

/* The keys of a profile in the text of a credentials file.  0 or -ENOENT. */
int s3_keys_parse(struct s3_keys *k, const char *text, size_t len, const char *profile);

#endif
