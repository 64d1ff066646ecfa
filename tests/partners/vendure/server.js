// A Vendure shop in memory: two goods, one payment method, one shipping method. Says READY when it serves.
const path = require("node:path");
const { bootstrap, DefaultLogger, LogLevel, dummyPaymentHandler } = require("@vendure/core");
const { populate } = require("@vendure/core/cli");

const config = {
  apiOptions: { port: Number(process.env.PORT), hostname: "127.0.0.1", adminApiPath: "admin-api", shopApiPath: "shop-api" },
  authOptions: {
    tokenMethod: ["bearer"],
    requireVerification: false,
    superadminCredentials: { identifier: "superadmin", password: "superadmin" },
    cookieOptions: { secret: "only-for-tests" },
  },
  dbConnectionOptions: { type: "sqljs", synchronize: true, logging: false },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  logger: new DefaultLogger({ level: LogLevel.Error }),
  plugins: [],
};

const initialData = {
  defaultLanguage: "en",
  defaultZone: "Asia",
  countries: [{ name: "China", code: "CN", zone: "Asia" }],
  taxRates: [{ name: "Standard", percentage: 13 }],
  shippingMethods: [{ name: "Standard", price: 1000 }],
  paymentMethods: [
    { name: "pay", handler: { code: "dummy-payment-handler", arguments: [{ name: "automaticSettle", value: "true" }] } },
  ],
  collections: [],
};

populate(() => bootstrap(config), initialData, path.join(__dirname, "goods.csv"))
  .then(() => console.log("READY"))
  .catch((error) => {
    console.log("FAILED", error);
    process.exit(1);
  });
