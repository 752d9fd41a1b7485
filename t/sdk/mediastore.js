/*
 * A client of MediaStore's data plane: AWS's own, as it is.  TAP.
 *
 *   mediastore.js URL PHASE	PHASE open: no keys; keys: AKTEST and AKREAD
 */
const { Readable } = require('stream');
const crypto = require('crypto');
const sdk = require('@aws-sdk/client-mediastore-data');

const [, , endpoint, phase] = process.argv;
const sha256 = (b) => crypto.createHash('sha256').update(b).digest('hex');
let count = 0, failed = 0;

function client(id, secret, more) {
	return new sdk.MediaStoreDataClient({
		endpoint, region: 'eu-central-1', maxAttempts: 1,
		credentials: { accessKeyId: id, secretAccessKey: secret }, ...more,
	});
}
const ours = client('AKTEST', 'testsecret');

async function check(name, f) {
	count++;
	try {
		await f();
		console.log(`ok ${count} - ${name}`);
	} catch (e) {
		failed++;
		console.log(`not ok ${count} - ${name}`);
		console.log(String(e.stack || e).replace(/^/gm, '# '));
	}
}

function same(a, b, what) {
	if (a !== b)
		throw new Error(`${what}: ${a}, want ${b}`);
}

async function throws(command, name, status, who = ours) {
	try {
		await who.send(command);
	} catch (e) {
		same(e.name, name, 'name');
		same(e.$metadata.httpStatusCode, status, 'status');
		if (sdk[name] && !(e instanceof sdk[name]))
			throw new Error(`it is no ${name}`);
		if (!e.$metadata.requestId)
			throw new Error('there is no request id');
		return;
	}
	throw new Error(`${name} was not thrown`);
}

async function bytes(body) {
	return Buffer.from(await body.transformToByteArray());
}

const put = (Path, Body, more) => new sdk.PutObjectCommand({ Path, Body, ...more });
const get = (Path, Range) => new sdk.GetObjectCommand({ Path, Range });
const list = (more) => new sdk.ListItemsCommand(more);

async function objects() {
	const data = crypto.randomBytes(100000);
	let etag;

	await check('PutObject tells the hash, a tag and the class', async () => {
		const r = await ours.send(put('live/one/1.ts', data, {
			ContentType: 'video/x-test', CacheControl: 'max-age=7',
			StorageClass: 'TEMPORAL' }));
		same(r.ContentSHA256, sha256(data), 'hash');
		same(r.StorageClass, 'TEMPORAL', 'class');
		etag = r.ETag;
	});
	await check('GetObject has it, as it was put', async () => {
		const r = await ours.send(get('live/one/1.ts'));
		same(sha256(await bytes(r.Body)), sha256(data), 'hash');
		same(r.ContentType, 'video/x-test', 'type');
		same(r.CacheControl, 'max-age=7', 'cache');
		same(r.StatusCode, 200, 'status');
		same(r.ETag, `"${etag}"`, 'tag');
	});
	await check('a range of it', async () => {
		const r = await ours.send(get('live/one/1.ts', 'bytes=1000-1999'));
		same((await bytes(r.Body)).equals(data.subarray(1000, 2000)), true, 'bytes');
		same(r.StatusCode, 206, 'status');
		same(r.ContentRange, 'bytes 1000-1999/100000', 'range');
	});
	await check('DescribeObject', async () => {
		const r = await ours.send(new sdk.DescribeObjectCommand({ Path: 'live/one/1.ts' }));
		same(r.ContentLength, 100000, 'length');
		same(r.ContentType, 'video/x-test', 'type');
		same(r.CacheControl, 'max-age=7', 'cache');
		same(r.ETag, `"${etag}"`, 'tag');
		if (Math.abs(r.LastModified - Date.now()) > 3600e3)
			throw new Error(`${r.LastModified}`);
	});
	await check('names with spaces, umlauts and signs', async () => {
		const name = "odd/a b+c~(1)'=ü:x.txt";
		await ours.send(put(name, 'odd'));
		same((await bytes((await ours.send(get(name))).Body)).toString(), 'odd', 'text');
		const r = await ours.send(list({ Path: 'odd' }));
		same(r.Items[0].Name, "a b+c~(1)'=ü:x.txt", 'name');
	});
	await check('an upload that is streamed is read while it grows', async () => {
		const body = new Readable({ read() {} });
		body.push('the first, ');
		const done = ours.send(put('grow.txt', body, { UploadAvailability: 'STREAMING' }));
		let r;
		for (let i = 0; r === undefined && i < 100; i++) {
			r = await ours.send(get('grow.txt')).catch(() => undefined);
			if (r === undefined)
				await new Promise((next) => setTimeout(next, 50));
		}
		const first = await new Promise((next) => r.Body.once('data', next));
		same(first.toString(), 'the first, ', 'what is there');
		const rest = new Promise((next) => r.Body.once('data', next));
		body.push('the rest');
		body.push(null);
		same((await rest).toString(), 'the rest', 'what came');
		same((await done).ContentSHA256, sha256('the first, the rest'), 'hash');
	});
	await check('one that is STANDARD is not', async () => {
		const body = new Readable({ read() {} });
		body.push('half');
		const done = ours.send(put('standard.txt', body, { UploadAvailability: 'STANDARD' }));
		await new Promise((next) => setTimeout(next, 200));
		await throws(get('standard.txt'), 'ObjectNotFoundException', 404);
		body.push(null);
		await done;
		same((await bytes((await ours.send(get('standard.txt'))).Body)).toString(),
			'half', 'text');
	});
	await check('ListItems: objects and folders', async () => {
		const r = await ours.send(list({ Path: 'live' }));
		same(JSON.stringify(r.Items), '[{"Name":"one","Type":"FOLDER"}]', 'folder');
		const [o] = (await ours.send(list({ Path: '/live/one/' }))).Items;
		same(o.Name, '1.ts', 'name');
		same(o.Type, 'OBJECT', 'type');
		same(o.ETag, etag, 'tag');
		same(o.ContentType, 'video/x-test', 'type');
		same(o.ContentLength, 100000, 'length');
		if (Math.abs(o.LastModified - Date.now()) > 3600e3)
			throw new Error(`${o.LastModified}`);
	});
	await check('ListItems by pages, while objects come and go', async () => {
		for (let i = 10; i < 35; i++)
			await ours.send(put(`page/${i}.txt`, `${i}`));
		const seen = [];
		let NextToken;
		do {
			const r = await ours.send(list({ Path: 'page', MaxResults: 10, NextToken }));
			seen.push(...r.Items.map((o) => o.Name));
			NextToken = r.NextToken;
			if (seen.length === 10) {
				await ours.send(new sdk.DeleteObjectCommand({ Path: 'page/19.txt' }));
				await ours.send(put('page/11a.txt', 'x'));
			}
		} while (NextToken !== undefined);
		same(seen.join(), Array.from({ length: 25 }, (_, i) => `${i + 10}.txt`).join(),
			'names');
	});
	await check('the paginator of the SDK', async () => {
		let n = 0;
		for await (const page of sdk.paginateListItems({ client: ours, pageSize: 7 },
			{ Path: 'page' }))
			n += page.Items.length;
		same(n, 25, 'items');
	});
	await check('DeleteObject', async () => {
		await ours.send(new sdk.DeleteObjectCommand({ Path: 'live/one/1.ts' }));
		await throws(get('live/one/1.ts'), 'ObjectNotFoundException', 404);
	});
	await check('what is not there: get, describe, delete', async () => {
		for (const c of [sdk.GetObjectCommand, sdk.DescribeObjectCommand,
			sdk.DeleteObjectCommand])
			await throws(new c({ Path: 'none' }), 'ObjectNotFoundException', 404);
	});
	await check('a range that is not there', async () => {
		await throws(get('grow.txt', 'bytes=1000-'),
			'RequestedRangeNotSatisfiableException', 416);
	});
	await check('parameters of ListItems that are none', async () => {
		await throws(list({ MaxResults: 0 }), 'ValidationException', 400);
		await throws(list({ MaxResults: 1001 }), 'ValidationException', 400);
		await throws(list({ NextToken: 'nonsense' }), 'ValidationException', 400);
		await throws(list({ Path: '../x' }), 'ValidationException', 400);
	});
}

async function signatures() {
	await check('a key nobody knows', () => throws(get('grow.txt'),
		'UnrecognizedClientException', 403, client('AKNONE', 'x')));
	await check('a secret that is wrong', () => throws(put('grow.txt', 'x'),
		'InvalidSignatureException', 403, client('AKTEST', 'x')));
	await check('a clock that is wrong', () => throws(get('grow.txt'),
		'RequestTimeTooSkewed', 403,
		client('AKTEST', 'testsecret', { systemClockOffset: -1200e3 })));
	const reader = client('AKREAD', 'another', {});
	await check('a key that is for reading, of one folder', async () => {
		await reader.send(list({ Path: 'page' }));
		await throws(put('page/x', 'x'), 'AccessDeniedException', 403, reader);
		await throws(list({ Path: '' }), 'AccessDeniedException', 403, reader);
	});
	await check('nothing of that has changed what is there', async () => {
		same((await bytes((await ours.send(get('grow.txt'))).Body)).toString(),
			'the first, the rest', 'text');
	});
}

(async () => {
	await objects();
	if (phase === 'keys')
		await signatures();
	console.log(`1..${count}`);
	process.exit(failed > 0 ? 1 : 0);
})();
