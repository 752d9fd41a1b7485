/*
 * A client of MediaStore's control plane, and of the endpoint that it tells: AWS's own,
 * as they are.
 *
 *   control.js URL	prints well
 */
const data = require('@aws-sdk/client-mediastore-data');
const m = require('@aws-sdk/client-mediastore');
const c = new m.MediaStoreClient({ region: "us-east-1", endpoint: process.argv[2],
	credentials: { accessKeyId: "a", secretAccessKey: "b" } });

/* What a client does with the Endpoint of a container. */
async function use(endpoint) {
	const d = new data.MediaStoreDataClient({ region: "us-east-1", endpoint, maxAttempts: 1,
		credentials: { accessKeyId: "a", secretAccessKey: "b" } });
	await d.send(new data.PutObjectCommand({ Path: "dir/a.ts", Body: Buffer.from("x") }));
	let l = await d.send(new data.ListItemsCommand({}));
	if (l.Items.length !== 1 || l.Items[0].Name !== "dir") throw Error("root");
	l = await d.send(new data.ListItemsCommand({ Path: "dir", MaxResults: 5 }));
	if (l.Items.length !== 1 || l.Items[0].Name !== "a.ts") throw Error("folder");
	await d.send(new data.DeleteObjectCommand({ Path: "dir/a.ts" }));
}
const lifecycle = JSON.stringify({ rules: [{ definition: { path: [{ prefix: "a/" }],
	days_since_create: [{ numeric: [">", 3] }] }, action: "EXPIRE" }] });
const policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow",
	Principal: "*", Action: "mediastore:*", Resource: "*" }] });
(async () => {
	const ContainerName = "sdk";
	const made = await c.send(new m.CreateContainerCommand({ ContainerName }));
	if (!(made.Container.CreationTime instanceof Date)) throw Error("time");
	await c.send(new m.PutContainerPolicyCommand({ ContainerName, Policy: policy }));
	await c.send(new m.PutLifecyclePolicyCommand({ ContainerName,
		LifecyclePolicy: lifecycle }));
	await c.send(new m.PutCorsPolicyCommand({ ContainerName, CorsPolicy: [{
		AllowedOrigins: ["*"], AllowedMethods: ["GET"], AllowedHeaders: ["*"] }] }));
	await c.send(new m.PutMetricPolicyCommand({ ContainerName, MetricPolicy: {
		ContainerLevelMetrics: "ENABLED" } }));
	await c.send(new m.StartAccessLoggingCommand({ ContainerName }));
	const got = await c.send(new m.GetLifecyclePolicyCommand({ ContainerName }));
	if (JSON.stringify(JSON.parse(got.LifecyclePolicy)) !== lifecycle)
		throw Error("lifecycle");
	const cors = await c.send(new m.GetCorsPolicyCommand({ ContainerName }));
	if (cors.CorsPolicy[0].AllowedOrigins[0] !== "*") throw Error("cors");
	const d = await c.send(new m.DescribeContainerCommand({ ContainerName }));
	if (!d.Container.AccessLoggingEnabled) throw Error("logging");
	await use(d.Container.Endpoint);
	const l = await c.send(new m.ListContainersCommand({}));
	if (!l.Containers.some(x => x.Name === "sdk")) throw Error("list");
	await c.send(new m.DeleteCorsPolicyCommand({ ContainerName }));
	try {
		await c.send(new m.GetCorsPolicyCommand({ ContainerName }));
		throw Error("got what was deleted");
	} catch (e) {
		if (!(e instanceof m.CorsPolicyNotFoundException)) throw e;
	}
	await c.send(new m.DeleteContainerCommand({ ContainerName }));
	try {
		await c.send(new m.DescribeContainerCommand({ ContainerName }));
		throw Error("described what was deleted");
	} catch (e) {
		if (!(e instanceof m.ContainerNotFoundException)) throw e;
	}
	console.log("well");
})().catch(e => { console.error(e); process.exit(1); });
