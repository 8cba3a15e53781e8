// The API page: Swagger UI over our own OpenAPI document.

const box = document.getElementById("api");
window.SwaggerUIBundle({ url: box.dataset.schema, domNode: box, deepLinking: true, validatorUrl: null });
