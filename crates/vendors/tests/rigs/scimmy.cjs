// An application whose SCIM is SCIMMY's, for tests: any number of tenants, each below its own path, in memory.
const express = require("express");
const SCIMMY = require("scimmy").default ?? require("scimmy");
const routers = require("scimmy-routers");
const SCIMMYRouters = routers.default ?? routers;
const crypto = require("node:crypto");

const tenants = new Map();
const tenant = (ctx) => {
    if (!tenants.has(ctx.tenant)) tenants.set(ctx.tenant, { Users: new Map(), Groups: new Map() });
    return tenants.get(ctx.tenant);
};
const plain = (data) => JSON.parse(JSON.stringify(data));

function keep(kind, Resource) {
    const all = (ctx) => tenant(ctx)[kind];
    const shown = (record, ctx) => {
        const copy = plain(record);
        if (kind === "Users") {
            const groups = [...tenant(ctx).Groups.values()].filter((group) => (group.members ?? []).some((one) => one.value === record.id));
            if (groups.length > 0) copy.groups = groups.map((group) => ({ value: group.id, display: group.displayName }));
        }
        return copy;
    };
    return SCIMMY.Resources.declare(Resource)
        .ingress((resource, data, ctx) => {
            const store = all(ctx);
            if (resource.id && !store.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            const id = resource.id ?? crypto.randomUUID();
            const { groups: _, ...record } = plain(data);
            const name = (one) => one.userName?.toLowerCase();
            if (kind === "Users" && [...store.values()].some((other) => other.id !== id && name(other) === name(record))) {
                throw new SCIMMY.Types.Error(409, "uniqueness", `userName ${record.userName} is taken`);
            }
            const now = new Date().toISOString();
            const created = store.get(id)?.meta?.created ?? now;
            store.set(id, { ...record, id, meta: { created, lastModified: now } });
            return shown(store.get(id), ctx);
        })
        .egress((resource, ctx) => {
            const store = all(ctx);
            if (!resource.id) return [...store.values()].map((record) => shown(record, ctx));
            if (!store.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            return shown(store.get(resource.id), ctx);
        })
        .degress((resource, ctx) => {
            if (!all(ctx).delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
        });
}
keep("Users", SCIMMY.Resources.User).extend(SCIMMY.Schemas.EnterpriseUser, false);
keep("Groups", SCIMMY.Resources.Group);

const app = express();
// What the routers make of the query is lost: this version of express reads it anew each time.
app.set("query parser", (text) => {
    const query = Object.fromEntries(new URLSearchParams(text ?? ""));
    for (const name of ["startIndex", "count"]) if (query[name] !== undefined) query[name] = Number(query[name]);
    return query;
});
app.post("/:tenant/seed", express.json({ limit: "50mb" }), (request, response) => {
    const now = new Date().toISOString();
    for (const user of request.body) {
        const id = crypto.randomUUID();
        tenant(request.params).Users.set(id, { ...user, id, meta: { created: now, lastModified: now } });
    }
    response.json({});
});
app.use(
    "/:tenant/scim",
    (request, response, next) => {
        request.tenant = request.params.tenant;
        next();
    },
    new SCIMMYRouters({
        type: "bearer",
        handler: (request) => {
            if (request.header("Authorization") !== `Bearer ${process.env.TOKEN}`) throw new Error("Not let in");
            return "tests";
        },
        context: (request) => ({ tenant: request.tenant }),
    }),
);
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
